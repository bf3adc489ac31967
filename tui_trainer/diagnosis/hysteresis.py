"""Hysteresis: how long a finding must hold before it is reported, and must be gone before it is withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tui_trainer.diagnosis.findings import AT_THE_END, QUICK
from tui_trainer.diagnosis.history import History
from tui_trainer.protocol.events import Severity

LEAST = 3
"""Fewest consecutive epochs for which a finding must hold before it is reported."""
FEW = 2
"""The same for a training that fails."""
REFUTABLE = frozenset(("DIVERGE", "STUCK"))
"""Findings that a low loss refutes."""
_LEVELS: Mapping[Severity, int] = {"note": 0, "warning": 1, "alarm": 2}


def epochs_before(finding: str, planned: int) -> int:
    """Return the consecutive epochs for which a finding must hold before it is reported, in a run of this length."""
    if finding in AT_THE_END:
        return 1
    return FEW if finding in QUICK else max(LEAST, planned // 20)


def epochs_after(finding: str, planned: int) -> int:
    """Return the consecutive epochs for which a finding must not hold before it is withdrawn."""
    return max(LEAST, planned // 10)


def refuted(finding: str, history: History) -> bool:
    """Return whether a finding is withdrawn at once: the loss is the lowest so far, and half of guessing or less."""
    loss = history.loss
    if finding not in REFUTABLE or loss is None:
        return False
    return loss <= history.epochs.last.lowest and loss <= 0.5 * history.guess


def cool_down(planned: int, times: int) -> int:
    """Return the epochs after its withdrawal in which a finding does not return, unless it has become graver.

    They double with each of the `times` that it has been withdrawn.
    """
    return max(10, planned // 4) << min(times - 1, 16)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A finding that was reported and withdrawn.

    Attributes:
        epochs: number of epochs that had ended then.
        severity: its severity.
        times: how often it has been withdrawn.
    """

    epochs: int
    severity: Severity
    times: int = 1

    def keeps_away(self, epochs: int, severity: Severity, planned: int) -> bool:
        """Return whether the finding must not return yet."""
        return epochs - self.epochs < cool_down(planned, self.times) and _LEVELS[severity] <= _LEVELS[self.severity]


@dataclass(frozen=True, slots=True)
class Streak:
    """The consecutive epochs for which a finding has held.

    Attributes:
        epochs: their number.
        since: the step before the first of them.
        first: the step at the end of the first.
        last: the step at the end of the newest.
    """

    epochs: int
    since: int
    first: int
    last: int
