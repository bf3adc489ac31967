"""Findings: a rule's result with its evidence and advice, and the order in which findings are reported."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tui_trainer.diagnosis.history import History
from tui_trainer.protocol.events import FindingAction, Severity
from tui_trainer.protocol.finding_titles import TITLES

Name = Literal[
    "NAN",
    "DIVERGE",
    "EXPLODE",
    "NOGRAD",
    "DEAD",
    "VANISH",
    "STUCK",
    "LR_HIGH",
    "PLATEAU_NOISE",
    "ADAGRAD",
    "LR_LOW",
    "OVERFIT",
    "UNDERFIT",
    "PLATEAU",
    "RANK_DATA",
    "RANK_SLOW",
    "STOPPED_TOO_SOON",
]

HEADLINES: Mapping[str, str] = TITLES
"""The title of every finding, in order of priority: the first active one is the headline."""

ORDER: tuple[str, ...] = tuple(HEADLINES)
NO_FINDING = "No finding"
"""Shown if no rule holds. It does not mean that all is well: some failing runs look like this too."""

WHY: Mapping[str, str] = {
    "NAN": "After such a value every weight is lost: nothing is learned from it on.",
    "DIVERGE": "The steps lead away from the minimum; the loss seldom comes back by itself.",
    "EXPLODE": "The first steps are thrown far off before training has begun.",
    "NOGRAD": "Weights without a gradient never change.",
    "DEAD": "A dead unit gets no gradient, so it never learns again.",
    "VANISH": "The layers with the small signal hardly learn, however long the run is.",
    "STUCK": "The network has learned nothing yet about the inputs.",
    "LR_HIGH": "Each step overshoots, so much of its work is undone by the next one.",
    "PLATEAU_NOISE": "At this rate the noise of the batches keeps the loss from falling further.",
    "ADAGRAD": "Adagrad divides by the sum of all gradients so far, so its steps only shrink.",
    "LR_LOW": "The same result could be had in far fewer epochs.",
    "OVERFIT": "The network learns the training samples by heart; the best epoch is behind.",
    "UNDERFIT": "More epochs alone hardly help.",
    "PLATEAU": "More epochs alone may bring nothing.",
    "RANK_DATA": "All ranks take a step together: each step takes as long as that of the rank that waits longest.",
    "RANK_SLOW": "All ranks take a step together, so the others wait for it in each step.",
    "STOPPED_TOO_SOON": "More epochs would probably give a better result.",
}
"""Why each finding matters, in one sentence."""

QUICK = frozenset[Name](("DIVERGE", "EXPLODE", "NOGRAD", "VANISH", "DEAD"))
"""Findings about a training that fails: they are reported sooner than others."""
AT_THE_END = frozenset[Name](("NAN", "STOPPED_TOO_SOON"))
"""Findings that are reported at once: the run has ended."""

KEYS: Mapping[str, str] = {
    "rate": "o", "optimizer": "o", "roll_back": "o", "epochs": "o", "patience": "o", "schedule": "s",
    "stop_early": "e", "layers": "w", "anew": "o", "undo": "u",
}  # fmt: skip
"""The usual first key of each action that findings name, for readers of the JSON without a screen."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one rule.

    Attributes:
        evidence: text with the numbers that made the rule hold.
        advice: what to do next, in one sentence without keys.
        numbers: the evidence as numbers, by name.
        actions: what to do, the most useful first, at most two: the cause may add an undo.
        rank: position in the order of priority, if it differs from the usual one.
        since: first step of the evidence, if it lies before the first epoch in which the rule held.
        bars: the evidence by layer.
        threshold: the value of a bar beyond which the rule holds.
        curve: name of the series in which the evidence is seen.
        urgent: whether it is beyond doubt, so that it is reported in its first epoch.
    """

    name: Name
    evidence: str
    advice: str
    numbers: Mapping[str, float | None] = field(default_factory=dict[str, "float | None"])
    actions: tuple[FindingAction, ...] = ()
    severity: Severity = "warning"
    rank: int | None = None
    since: int | None = None
    bars: Mapping[str, float | None] = field(default_factory=dict[str, "float | None"])
    threshold: float | None = None
    curve: str = ""
    urgent: bool = False

    @property
    def place(self) -> int:
        """The position in the order of priority."""
        return ORDER.index(self.name) if self.rank is None else self.rank


Holding = Mapping[Name, Finding]
"""The findings of the rules that were evaluated before, by name."""


def blamed(names: Collection[str], holding: Holding) -> list[str]:
    """Return those of these findings that hold, without the ones that are only notes."""
    return [name for name, finding in holding.items() if name in names and finding.rank is None]


Rule = Callable[[History, Holding], Finding | None]
"""A rule: returns its finding for a history, or None if its condition is not met."""
