"""The epochs of a run as the rules see them: however many they are, each costs the same and their size is bounded."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median

KEPT = 1024
"""Epochs that are kept one by one. Of more, older ones are let go."""
NEWEST = 256
"""Those that stay then, whatever their distance."""
CLOSE = 64
"""Of the others one stays in each stretch of a 64th of its age: so far off, it does as well as its neighbours."""
SMOOTHED = 3
"""Validations whose median stands for the newest of them."""
GAIN = 0.99
"""What a loss has to be of the lowest one before it to count as a gain."""


@dataclass(frozen=True, slots=True)
class EpochSeen:
    """One epoch.

    Attributes:
        number: counted from 1.
        step: steps taken at its end.
        loss: mean of its training loss.
        deviation, highest: of the losses of its batches.
        lr: the rate of its last batch.
        val_loss, val_error: of the validation after it; the error is the share of wrong classes.
        place: how many epochs ended before it.
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
    """An epoch that was validated, and the medians of its validation and the two before it.

    Attributes:
        epoch: the epoch.
        loss: of the validation losses.
        error: of the validation errors, None where there are none.
    """

    epoch: EpochSeen
    loss: float
    error: float | None


@dataclass(frozen=True, slots=True)
class Epochs:
    """Epochs that have ended: what all of them come to, and some of them one by one.

    Attributes:
        count: how many have ended.
        kept: the newest ones, and fewer of those before.
        highest_lr: the highest rate that one ended with.
        without_gain: epochs since the training loss was last lower by 1 % than ever before.
        to_beat: the training loss of that epoch.
        validations: epochs that were validated.
        recent: the newest of those.
        newest, best: the newest validated one; the first one whose median loss is the lowest.
        lowest_loss, lowest_error: the first ones of lowest validation loss and error, as single values.
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
        """These epochs, in the order in which they ended."""
        epochs = cls()
        for epoch in seen:
            epochs = epochs.with_(epoch)
        return epochs

    def __len__(self) -> int:
        """How many have ended."""
        return self.count

    @property
    def last(self) -> EpochSeen:
        """The epoch that ended last. There has to be one."""
        return self.kept[-1]

    def back(self, epochs: int) -> EpochSeen:
        """The epoch that ended so many before the last one, or the nearest kept one before that; the first at most."""
        place = max(self.count - 1 - epochs, 0)
        return self.kept[max(bisect_right(self.kept, place, key=_place) - 1, 0)]

    def with_(self, epoch: EpochSeen) -> Epochs:
        """One epoch more."""
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
