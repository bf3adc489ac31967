"""Findings: a rule's result with its evidence and advice, and the order in which findings are reported."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tui_trainer.diagnosis.history import History
from tui_trainer.protocol.events import Severity

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
    "STOPPED_TOO_SOON",
]

HEADLINES: dict[str, str] = {
    "NAN": "The loss is NaN or infinite",
    "DIVERGE": "The loss diverges",
    "EXPLODE": "The outputs were far too large from the start",
    "NOGRAD": "No gradient reaches some layers",
    "DEAD": "Many ReLUs are dead",
    "VANISH": "The signal vanishes from layer to layer",
    "STUCK": "No better than guessing",
    "LR_HIGH": "The steps are too large",
    "PLATEAU_NOISE": "Flat at the noise level of the steps",
    "ADAGRAD": "Adagrad's step size has decayed",
    "LR_LOW": "The steps are very small",
    "OVERFIT": "The validation loss rises while the training loss falls",
    "UNDERFIT": "Flat at a high loss, though the steps are good",
    "PLATEAU": "Flat",
    "STOPPED_TOO_SOON": "Ended while it was still improving",
}
"""The title of every finding, in order of priority: the first active one is the headline."""

ORDER: tuple[str, ...] = tuple(HEADLINES)
NO_FINDING = "No finding"
"""Shown if no rule holds. It does not mean that all is well: some failing runs look like this too."""

AT_ONCE = frozenset[Name](("NAN", "DIVERGE", "EXPLODE", "NOGRAD", "VANISH", "DEAD", "STOPPED_TOO_SOON"))
"""Findings that are reported at once; all others have to hold for several epochs."""
EPOCHS_HELD = 3
"""Consecutive epochs for which a finding must hold before it is reported, and must not hold before it is resolved."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one rule.

    Attributes:
        evidence: text with the numbers that made the rule hold.
        advice: what to do next. Keys are in parentheses, alone or followed by a value: (k), (l, x3), (s: staircase);
            the screen replaces them by the user's own key bindings.
        numbers: the evidence as numbers, by name.
        key: the keys to press, in order, separated by spaces; empty if no key helps.
        rank: position in the order of priority, if it differs from the usual one.
    """

    name: Name
    evidence: str
    advice: str
    numbers: Mapping[str, float | None] = field(default_factory=dict[str, "float | None"])
    key: str = ""
    severity: Severity = "warning"
    rank: int | None = None

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
