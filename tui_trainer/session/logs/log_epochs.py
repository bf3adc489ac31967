"""Epochs in the log of another program: from its column of epochs, else one for each validation."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil, isfinite
from operator import le
from statistics import median

from tui_trainer.protocol.event_records import Best
from tui_trainer.protocol.events import EpochEnded
from tui_trainer.readers.reading import LogColumn

MOST, FEW = 64, 8
"""Most epochs that a column of epochs gives in one block; one with more gives a few."""
ENOUGH = 256
"""Epochs of a log without a column of epochs, as far as it has been written when it is opened."""


class LogEpochs:
    """Finds the ends of epochs in columns that arrive block by block, with ascending steps.

    Args:
        share: the share of the log that the first block is.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._share = share
        self.count = 0
        self.best: Best | None = None
        self._bad = 0
        self._validates = False
        self._total, self._rows, self._val = 0.0, 0, None
        self._open: int | None = None
        """The epoch that has begun and not ended, as the log numbers it."""
        self._open_step = 0
        self._open_seconds = 0.0
        self._base: int | None = None
        self._validations = self._each = 0
        """Validations so far, and how many of them make an epoch: of a log that is validated at each step, many."""
        self._last_step = 0
        self._val: float | None

    def take(
        self,
        epochs: LogColumn | None,
        columns: dict[str, LogColumn],
        seconds: LogColumn | None,
        *,
        ended: bool = False,
    ) -> list[EpochEnded]:
        """Return the epochs that ended in a block of named series. With `ended` the open one counts as well."""
        loss, val, lr = (columns.get(name) for name in ("train_loss", "val_loss", "lr"))
        if epochs is not None:
            ends = self._ends_of_column(epochs)
            if len(ends) > MOST:
                ends = [*ends[:: -(-len(ends) // FEW)], ends[-1]]
        else:
            ends = self._ends_of_validations(val.steps if val is not None else array("q"))
        events: list[EpochEnded] = []
        at = -1
        for step, number in ends:
            self._sum(loss, at, step)
            self._validate(val, at, step)
            events.append(self._end(step, number, _at(lr, step), _at(seconds, step)))
            at = step
        top = 1 << 62
        self._sum(loss, at, top)
        self._validate(val, at, top)
        return events

    def finish(self) -> list[EpochEnded]:
        """Return the epoch that is open at the end of the log."""
        if self._rows == 0 and self._val is None:
            return []
        if self._open is not None:
            event = self._end(self._open_step, self._number(self._open), None, None)
        elif self._val is not None:
            event = self._end(self._last_step, self.count + 1, None, None)
        else:
            return []
        self._open = None
        return [event]

    def forget(self) -> None:
        """Begin again, after the log went back to an earlier step."""
        self._open, self._total, self._rows, self._val = None, 0.0, 0, None
        self.best, self._bad = None, 0

    def _number(self, epoch: int) -> int:
        return epoch + (1 if self._base == 0 else 0)

    def _ends_of_column(self, epochs: LogColumn) -> list[tuple[int, int]]:
        ends: list[tuple[int, int]] = []
        for step, value in _changes(epochs):
            if not isfinite(value) or abs(value) > 1e9:
                continue
            epoch = ceil(value)
            if self._base is None:
                self._base = 0 if value == 0 else 1
            if self._open is not None and epoch > self._open:
                ends.append((self._open_step, self._number(self._open)))
            self._open, self._open_step = epoch, step
        return ends

    def _ends_of_validations(self, steps: array[int]) -> list[tuple[int, int]]:
        if not len(steps):
            return []
        if not self._each:
            self._each = validations_per_epoch(len(steps), self._share)
        each, before = self._each, self._validations
        self._validations += len(steps)
        self._last_step = steps[-1]
        return [(steps[at], (before + at + 1) // each) for at in range(each - 1 - before % each, len(steps), each)]

    def _sum(self, loss: LogColumn | None, after: int, until: int) -> None:
        if loss is None:
            return
        values = loss.values[bisect_right(loss.steps, after) : bisect_right(loss.steps, until)]
        total = sum(values, self._total)
        finite = values
        if not isfinite(total):
            finite = [value for value in values if isfinite(value)]
            total = sum(finite, self._total)
        self._total = total
        self._rows += len(finite)

    def _validate(self, val: LogColumn | None, after: int, until: int) -> None:
        if val is None:
            return
        values = val.values[bisect_right(val.steps, after) : bisect_right(val.steps, until)]
        self._val = next((value for value in reversed(values) if isfinite(value)), self._val)

    def _end(self, step: int, number: int, lr: float | None, seconds: float | None) -> EpochEnded:
        metrics: dict[str, float | None] = {}
        if self._rows:
            metrics["train_loss"] = self._total / self._rows
        if self._val is not None:
            metrics["val_loss"] = self._val
            self._validates = True
        name = "val_loss" if self._validates else "train_loss"
        watched = metrics.get(name)
        is_best = watched is not None and (self.best is None or self.best.metric != name or watched < self.best.value)
        if is_best and watched is not None:
            self.best, self._bad = Best.model_construct(epoch=number, step=step, metric=name, value=watched), 0
        else:
            self._bad += 1
        self.count = max(self.count, number)
        self._total, self._rows, self._val = 0.0, 0, None
        return EpochEnded.model_construct(
            step=step,
            epoch=number,
            seconds=seconds or 0.0,
            metrics=metrics,
            lr=lr or 0.0,
            best=self.best,
            is_best=is_best,
            bad_epochs=self._bad,
        )


def _at(column: LogColumn | None, step: int) -> float | None:
    if column is None or not len(column.steps):
        return None
    at = min(bisect_left(column.steps, step), len(column.steps) - 1)
    value = column.values[at]
    return value if isfinite(value) else None


def _changes(epochs: LogColumn) -> Iterator[tuple[int, float]]:
    """Yield step and value of the first and the last row of each value; where values fall, of every row."""
    steps, values = epochs.steps, epochs.values
    if not (isfinite(sum(values)) and all(map(le, values, values[1:]))):
        yield from zip(steps, values, strict=True)
        return
    at = 0
    while at < len(values):
        end = bisect_right(values, values[at], lo=at)
        yield steps[at], values[at]
        if end - at > 1:
            yield steps[end - 1], values[end - 1]
        at = end


def validations_per_epoch(count: int, share: float) -> int:
    """Return how many validations make an epoch in a log of which a share has so many."""
    return max(ceil(count / max(share, 1e-6) / ENOUGH), 1)


def steps_per_epoch(epochs: LogColumn | None, validations: LogColumn | None = None, share: float = 1.0) -> int:
    """Estimate the steps of one epoch from rows that hold both, else from validations; 1 where they tell nothing.

    Args:
        epochs: the column of epochs.
        validations: the validation losses.
        share: the share of the log that they are.
    """
    if epochs is None and validations is not None and len(validations.steps) > 1:
        steps = validations.steps
        each = round((steps[-1] - steps[0]) / (len(steps) - 1))
        return max(each * validations_per_epoch(len(steps), share), 1)
    if epochs is None or len(epochs.steps) < 2:
        return 1
    rows = zip(epochs.steps[1:], epochs.values[1:], epochs.values, strict=False)
    firsts = [step for step, now, before in rows if now == before + 1 and now % 1 == 0]
    if len(firsts) > 1:
        return max(int(median(b - a for a, b in pairwise(firsts))), 1)
    pairs: Sequence[tuple[int, float]] = list(zip(epochs.steps, epochs.values, strict=True))
    span = pairs[-1][1] - pairs[0][1]
    steps = pairs[-1][0] - pairs[0][0]
    if not (isfinite(span) and span > 0 and steps > 0):
        return 1
    return max(round(steps / span), 1)
