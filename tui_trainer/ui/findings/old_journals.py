"""Findings in journals of earlier versions: they have no title, no actions, and keys that have moved since."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tui_trainer.diagnosis import actions
from tui_trainer.diagnosis.findings import WHY
from tui_trainer.protocol.events import Diagnosed, FindingAction
from tui_trainer.protocol.finding_titles import title_of, without_identifiers

_ACTIONS: Mapping[str, FindingAction] = {
    "k": actions.TENTH,
    "-": actions.HALF,
    "l": FindingAction.model_construct(label="change the rate", action="rate"),
    "s": actions.STAIRCASE,
    "b": actions.BEST,
    "o": FindingAction.model_construct(label="change the optimizer", action="optimizer"),
    "w": actions.LAYERS,
    "e": actions.STOP,
    "E": actions.LONGER,
    "p": actions.PATIENCE,
}
"""The action of each key that an earlier version named."""
_NAMED_KEY = re.compile(r" ?\((\S)(?=[):,])[^)]*\)")
"""A key in an advice of an earlier version: (k), (s: staircase), (l, x3)."""


def completed(finding: Diagnosed) -> Diagnosed:
    """Return a finding as this version records it; one that has a title is returned as it is."""
    if finding.title:
        return finding
    return finding.model_copy(
        update={
            "title": title_of(finding),
            "why": WHY.get(finding.finding, ""),
            "evidence": without_identifiers(finding.evidence),
            "advice": without_identifiers(_NAMED_KEY.sub("", finding.advice)),
            "actions": tuple(_ACTIONS[key] for key in finding.key.split() if key in _ACTIONS),
        }
    )
