"""A summary of the epochs of a run for the rules, with constant cost per epoch and bounded size."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median

KEPT = 1024
"""Largest number of single epochs to keep; beyond it, older ones are thinned out."""
NEWEST = 256
"""Number of newest epochs that are never thinned out."""
CLOSE = 64
"""Of the others, one epoch is kept per 1/64 of its age."""
SMOOTHED = 3
"""Number of validations in the running median."""
GAIN = 0.99
"""A loss below this fraction of the lowest one before it counts as a gain."""


@dataclass(frozen=True, slots=True)
class EpochSeen:
    """One epoch.

    Attributes:
        number: counted from 1.
        step: steps taken at its end.
        loss: its mean training loss.
        deviation, highest: standard deviation and maximum of its batch losses.
        lr: the learning rate of its last batch.
        val_loss, val_error: results of the validation after it; the error is the fraction of wrong classes.
        place: number of epochs that ended before it.
        lowest: the lowest training loss of an epoch up to this one.
    """

    number: int
    step: int
    loss: float
    deviation: float = 0.0
    highest: float = 0.0
    lr: float = 0.0
    val_loss: float | None = None
    val_error: float | None = None
    place: int = 0
    lowest: float = math.inf


@dataclass(frozen=True, slots=True)
class Validated:
    """A validated epoch, with the running medians over its validation and the two before it.

    Attributes:
        epoch: the epoch.
        loss: the median validation loss.
        error: the median validation error; None if there are no errors.
    """

    epoch: EpochSeen
    loss: float
    error: float | None


@dataclass(frozen=True, slots=True)
class Epochs:
    """The epochs that have ended: totals over all of them, and a sample of single epochs.

    Attributes:
        count: number of ended epochs.
        kept: the newest epochs, and a sample of the older ones.
        highest_lr: the highest learning rate at the end of an epoch.
        without_gain: epochs since the training loss last fell 1 % below its minimum.
        to_beat: the training loss of that epoch.
        validations: number of validated epochs.
        recent: the newest validated epochs.
        newest, best: the newest validated epoch, and the first with the lowest median loss.
        lowest_loss, lowest_error: the first epochs with the lowest validation loss and error, as single values.
    """

    count: int = 0
    kept: tuple[EpochSeen, ...] = ()
    highest_lr: float = 0.0
    without_gain: int = 0
    to_beat: float = math.inf
    validations: int = 0
    recent: tuple[EpochSeen, ...] = ()
    newest: Validated | None = None
    best: Validated | None = None
    lowest_loss: EpochSeen | None = None
    lowest_error: EpochSeen | None = None

    @classmethod
    def of(cls, seen: Iterable[EpochSeen]) -> Epochs:
        """Build the summary of these epochs, given in the order in which they ended."""
        epochs = cls()
        for epoch in seen:
            epochs = epochs.with_(epoch)
        return epochs

    def __len__(self) -> int:
        """Return the number of ended epochs."""
        return self.count

    @property
    def last(self) -> EpochSeen:
        """The last epoch; at least one must have ended."""
        return self.kept[-1]

    def back(self, epochs: int) -> EpochSeen:
        """Return the epoch that many before the last one, or the nearest kept one before it; at most the first."""
        place = max(self.count - 1 - epochs, 0)
        return self.kept[max(bisect_right(self.kept, place, key=_place) - 1, 0)]

    def with_(self, epoch: EpochSeen) -> Epochs:
        """Return the summary with another epoch."""
        lowest = min(self.last.lowest, epoch.loss) if self.count else epoch.loss
        epoch = replace(epoch, place=self.count, lowest=lowest)
        kept = (*self.kept, epoch)
        if len(kept) > KEPT:
            kept = _thinned(kept)
        gained = epoch.loss < GAIN * self.to_beat
        epochs = replace(
            self,
            count=self.count + 1,
            kept=kept,
            highest_lr=max(self.highest_lr, epoch.lr),
            without_gain=0 if gained else self.without_gain + 1,
            to_beat=epoch.loss if gained else self.to_beat,
        )
        return epochs if epoch.val_loss is None else epochs._validated(epoch, epoch.val_loss)

    def _validated(self, epoch: EpochSeen, loss: float) -> Epochs:
        recent = (*self.recent, epoch)[-SMOOTHED:]
        errors = [seen.val_error for seen in recent if seen.val_error is not None]
        smooth = median([seen.val_loss for seen in recent if seen.val_loss is not None])
        newest = Validated(epoch, smooth, median(errors) if errors else None)
        best, lowest_loss, lowest_error = self.best, self.lowest_loss, self.lowest_error
        if lowest_loss is None or lowest_loss.val_loss is None or loss < lowest_loss.val_loss:
            lowest_loss = epoch
        error = epoch.val_error
        if error is not None and (
            lowest_error is None or lowest_error.val_error is None or error < lowest_error.val_error
        ):
            lowest_error = epoch
        return replace(
            self,
            validations=self.validations + 1,
            recent=recent,
            newest=newest,
            best=newest if best is None or smooth < best.loss else best,
            lowest_loss=lowest_loss,
            lowest_error=lowest_error,
        )


def _thinned(kept: tuple[EpochSeen, ...]) -> tuple[EpochSeen, ...]:
    stay, now = [kept[-NEWEST]], kept[-1].place
    for epoch in reversed(kept[:-NEWEST]):
        if stay[-1].place - epoch.place >= (now - epoch.place) // CLOSE:
            stay.append(epoch)
    if stay[-1] is not kept[0]:
        stay.append(kept[0])
    return (*reversed(stay), *kept[1 - NEWEST :])


def _place(epoch: EpochSeen) -> int:
    return epoch.place
