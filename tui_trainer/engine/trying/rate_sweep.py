"""A few steps at growing learning rates from the weights in hand, taken back to the bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.engine.trying.trial import clip_to, coming_batches, step_function, taken_back
from tui_trainer.protocol.commands import Pause, Stop

EXPLODED = 3.0
"""Rise of the smoothed loss, in units of where it began, at which larger rates are not tried any more."""
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
        watch = Explosion()
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
    """Watches a running mean of the loss for a rise after which larger rates say nothing more."""

    def __init__(self) -> None:
        self._mean = self._weight = 0.0
        self._first: float | None = None
        self._lowest = math.inf

    def exploded(self, loss: float) -> bool:
        """Take in a loss. Returns whether the mean has risen too far."""
        self._mean = _MEMORY * self._mean + (1 - _MEMORY) * loss
        self._weight = _MEMORY * self._weight + (1 - _MEMORY)
        mean = self._mean / self._weight
        self._first = mean if self._first is None else self._first
        self._lowest = min(self._lowest, mean)
        return mean > self._first + EXPLODED * max(abs(self._first), self._first - self._lowest)
