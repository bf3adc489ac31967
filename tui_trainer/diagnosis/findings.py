"""Findings: what a rule sees, why, and what may be done about it; and the order in which they are told."""

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
    "NAN": "The loss is no longer a number",
    "DIVERGE": "The loss blows up",
    "EXPLODE": "The outputs were far too large from the start",
    "NOGRAD": "No gradient reaches some layers",
    "DEAD": "Many ReLUs are silent for every validation sample",
    "VANISH": "The signal fades from layer to layer",
    "STUCK": "Not better than guessing",
    "LR_HIGH": "The steps are too large",
    "PLATEAU_NOISE": "Flat, on the noise of its own steps",
    "ADAGRAD": "Adagrad's step has shrunk away",
    "LR_LOW": "The steps are very small",
    "OVERFIT": "The validation loss turned up while the training loss fell",
    "UNDERFIT": "Flat far above zero, with nothing wrong in the steps",
    "PLATEAU": "Flat",
    "STOPPED_TOO_SOON": "Ended while it was still getting better",
}
"""Every finding in the order of decision, in a few words: the first that holds is the headline."""

ORDER: tuple[str, ...] = tuple(HEADLINES)
NO_FINDING = "No finding"
"""What is said where no rule holds. It never means that all is well: some sick runs look like this too."""

AT_ONCE = frozenset[Name](("NAN", "DIVERGE", "EXPLODE", "NOGRAD", "VANISH", "DEAD", "STOPPED_TOO_SOON"))
"""Findings that need not hold for several epochs before they are told."""
EPOCHS_HELD = 3
"""Consecutive epochs for which any other has to hold before it is told; as many without it before it is taken back."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule sees.

    Attributes:
        evidence: in words, with the numbers that made the rule hold.
        advice: what may be done; each key that does it stands in parentheses, alone or before what to do with it: (k),
            (l, x3), (s: staircase). There the screen puts the keys of whoever reads it.
        numbers: the evidence as numbers, by name.
        key: the keys in the order in which they are pressed, spaces between; empty where no key acts on it.
        rank: its place in the order of decision where that is not the usual one.
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
        """Its place in the order of decision."""
        return ORDER.index(self.name) if self.rank is None else self.rank


Holding = Mapping[Name, Finding]
"""What holds at the same time, of the rules that were asked before."""


def blamed(names: Collection[str], holding: Holding) -> list[str]:
    """Which of these hold, apart from those that are too mild for their place in the order."""
    return [name for name, finding in holding.items() if name in names and finding.rank is None]


Rule = Callable[[History, Holding], Finding | None]
"""One rule: what it sees in a history, None where its condition is not met."""
