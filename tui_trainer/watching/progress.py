"""The course of a run as its output tells it: steps, epochs and their ends, from one reading after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from tui_trainer.watching.patterns import LineNumbers, is_validation

HELD_LINES = 4
"""Lines of a bar in which the validation of the epoch before may still come."""


@dataclass(slots=True)
class Progressed:
    """The numbers that one line adds.

    Attributes:
        step: the step that it belongs to, counted over all epochs.
        values: numbers of the step.
        began: whether another epoch begins with it, and nothing has told the end of the one before.
        ended: the metrics of an epoch that is over with it; None where none is.
        epochs: planned epochs, where the line says so.
        steps: steps of one epoch, where the line says so.
    """

    step: int
    values: dict[str, float] = field(default_factory=dict[str, float])
    began: bool = False
    ended: dict[str, float] | None = None
    epochs: int | None = None
    steps: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the line adds nothing."""
        return not self.values and self.ended is None and not self.began and not self.epochs and not self.steps


class Progress:
    """Counts steps and epochs. A bar that is drawn again with the same numbers adds nothing."""

    def __init__(self) -> None:
        self.step = 0
        self._base = self._local = 0
        """The step at which the present bar began, and its own count."""
        self._marker: int | None = None
        """The number of the epoch that was printed last."""
        self._open = False
        """Whether something was read since the last end of an epoch."""
        self._shown: tuple[int, dict[str, float]] = (-1, {})
        self._validated: dict[str, float] = {}
        self._held = 0
        """Lines for which an epoch that is over still waits for its validation: bars show that of the epoch before."""
        self._ends = 0
        """Epochs that have ended."""

    def take(self, reading: LineNumbers) -> Progressed:
        """Take in the numbers of a line."""
        validation = {name: value for name, value in reading.values.items() if is_validation(name)}
        values = {name: value for name, value in reading.values.items() if name not in validation}
        began = self._hold(self._epoch_begins(reading), reading, bool(validation) and validation != self._validated)
        step = self._count(reading, bool(values))
        found = Progressed(step, {}, began, None, reading.epochs)
        if reading.steps and (values or reading.epoch is not None):
            found.steps = reading.steps
        if values and (step, values) != self._shown:
            self._shown = (step, values)
            found.values = values
            self._open = True
        if validation and (validation != self._validated or reading.ends_epoch):
            self._validated = validation
            if reading.step == 0 and not step:  # before the first step, as in a check that validation works
                found.values = found.values | validation
            elif began and reading.steps and (reading.step or 0) < reading.steps:  # a bar that shows the epoch before
                found.began, found.ended = False, validation
            elif reading.epoch is None or reading.epoch == int(reading.epoch) or reading.format != "hugging-face":
                found.ended = validation
                self._open = False
            else:
                found.values = found.values | validation
        self._ends += found.began or found.ended is not None
        return found

    def _hold(self, begins: bool, reading: LineNumbers, is_new: bool) -> bool:
        """Return whether another epoch begins; in a bar that shows validations only when that of this one is not due.

        Args:
            begins: whether the line is the first one of another epoch.
            is_new: whether it has a validation that was not shown yet.
        """
        if self._held:
            self._held = 0 if is_new or begins else self._held - 1
            return begins or (not is_new and not self._held)
        if begins and not is_new and reading.steps and (self._validated or not self._ends):
            self._held = HELD_LINES
            return False
        return begins

    def _epoch_begins(self, reading: LineNumbers) -> bool:
        """Return whether another epoch begins, and the one before was not ended yet."""
        if reading.epoch is None or reading.format == "hugging-face":
            return False
        number, before = int(reading.epoch), self._marker
        self._marker = number
        if before is None or number <= before or not self._open:
            return False
        self._open = False
        return True

    def _count(self, reading: LineNumbers, trains: bool) -> int:
        if reading.step is None:
            self.step += trains
            return self.step
        if not trains and reading.epoch is None:
            return self.step
        if reading.step < self._local:
            self._base = self.step
        self._local = reading.step
        self.step = max(self.step, self._base + reading.step)
        return self.step

    def last(self) -> Progressed:
        """Return the end of the last epoch, where its beginning was read and its end was not."""
        ends = self._marker is not None and (self._open or self._held > 0)
        self._open, self._held = False, 0
        return Progressed(self.step, began=ends)
