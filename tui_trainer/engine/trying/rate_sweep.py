"""A few steps at growing learning rates from the weights in hand, taken back to the bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, pstdev
from time import perf_counter

from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.engine.trying.trial import clip_to, coming_batches, step_function, taken_back
from tui_trainer.protocol.commands import Pause, Stop

EXPLODED = 3.0
"""Rise of the smoothed loss, in units of its level at first, at which larger rates are not tried any more."""
SETTLED = 5
"""Part of the steps, as a divisor, whose mean loss is the level that a rise is measured from."""
MOST = 8.0
"""Units that a single loss counts at most: two in a row do not end the search, three do."""
_MEMORY = 0.8
"""Weight of the past in the running mean that decides that."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The losses of a sweep.

    Attributes:
        rates: the learning rates of the steps whose outcome is known, ascending.
        losses: the loss after each of them, on the next batch.
        steps: steps that were taken.
        seconds: time that they took, with the copy of the run and its return.
        bytes: size of the copy.
        interrupted: whether a pause or a stop ended it.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    steps: int
    seconds: float
    bytes: int
    interrupted: bool


def growing(low: float, high: float, steps: int) -> tuple[float, ...]:
    """Return rates from `low` to `high`, each the same factor above the one before."""
    return tuple(low * (high / low) ** (index / (steps - 1)) for index in range(steps))


def sweep(state: TrainState, services: TrainingServices, rates: Sequence[float]) -> Sweep:
    """Take a step at each rate and go back: every later number of the run is the one without the sweep.

    The batches are those that the run trains next. The caller's loop begins the batches of the epoch again, as after
    an undo. A loss that is not finite, or rises far, ends the sweep early.
    """
    began = perf_counter()
    losses: list[float] = []
    interrupted = False
    with taken_back(state, services) as snapshot:
        watch = Explosion(len(rates))
        take_step = step_function(services)
        clip = partial(clip_to, state.clip, services)
        coming = coming_batches(services, state.epoch, state.position)
        for rate, (inputs, targets) in zip(rates, coming, strict=False):
            services.optimizer.set_lr(rate)
            try:
                taken = take_step(inputs, targets, clip).loss
                loss = float(taken if services.ranks is None else services.ranks.sum(taken))
            except (ArithmeticError, RuntimeError, ValueError):  # such as a factorisation of numbers that overflowed
                break
            if not math.isfinite(loss):
                break
            losses.append(loss)
            if watch.exploded(loss):
                break
            if any(isinstance(command, Pause | Stop) for command in services.commands.pending()):
                interrupted = True
                break
    outcomes = tuple(losses[1:])
    tried = tuple(rates[: len(outcomes)])
    return Sweep(tried, outcomes, len(losses), perf_counter() - began, snapshot.bytes, interrupted)


class Explosion:
    """Watches a running mean of the loss for a rise after which larger rates say nothing more.

    The rise is measured from the level of the first losses, in units of that level, of the fall since, or of the noise
    of the first losses, whichever is largest. It is not measured before that level is known: of one sample, the first
    loss may be next to nothing, and the second a thousand times as large. For the same reason a single loss counts as
    at most `MOST` units.

    Args:
        steps: steps of the whole search.
    """

    def __init__(self, steps: int) -> None:
        self._first: list[float] = []
        self._settled = max(3, steps // SETTLED)
        self._level = self._noise = 0.0
        self._mean = self._lowest = 0.0

    def exploded(self, loss: float) -> bool:
        """Take in a loss. Returns whether the mean has risen too far."""
        if len(self._first) < self._settled:
            self._first.append(loss)
            if len(self._first) == self._settled:
                self._level = self._mean = self._lowest = fmean(self._first)
                self._noise = pstdev(self._first)
            return False
        unit = max(abs(self._level), self._level - self._lowest, self._noise)
        self._mean = _MEMORY * self._mean + (1 - _MEMORY) * min(loss, self._level + MOST * unit)
        self._lowest = min(self._lowest, self._mean)
        return self._mean > self._level + EXPLODED * unit
