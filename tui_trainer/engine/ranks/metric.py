"""A metric of the training batches that is counted on every rank and summed where it is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from tui_trainer.engine.evaluation.metrics import EpochMetric
from tui_trainer.engine.ranks.channel import Channel


def added(states: list[Any]) -> Any:
    """Return the sum of nested dicts and lists of numbers, in the order of the ranks; None counts as not finite."""
    first = states[0]
    if isinstance(first, dict):
        names = dict.fromkeys(name for state in states for name in state)
        return {name: added([state[name] for state in states if name in state]) for name in names}
    if isinstance(first, list):
        return [added(list(each)) for each in zip(*states, strict=True)]
    total = sum(math.nan if state is None else state for state in states)
    return None if isinstance(total, float) and math.isnan(total) and None in states else total


class SharedMetric:
    """A metric whose numbers are those of all ranks.

    Args:
        make: returns a metric with nothing counted yet.
        channel: the other ranks. Reading values or state is a call that every rank makes.
    """

    def __init__(self, make: Callable[[], EpochMetric], channel: Channel) -> None:
        self._make = make
        self._metric = make()
        self._channel = channel
        self.name = self._metric.name

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count the samples of this rank."""
        if len(targets):
            self._metric.add(outputs, targets)

    def values(self) -> dict[str, float]:
        """Return the metrics of the samples of all ranks."""
        total = self._make()
        total.load_state_dict(added(self._channel.exchange(self._metric.state_dict())))
        return total.values()

    def reset(self) -> None:
        """Start over, for the next epoch."""
        self._metric.reset()

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of all ranks, and those of each."""
        states = self._channel.exchange(self._metric.state_dict())
        return {**added(states), "ranks": states}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; with another number of ranks rank 0 takes the sums."""
        states = state.get("ranks", [])
        if len(states) == self._channel.size:
            self._metric.load_state_dict(states[self._channel.rank])
        elif self._channel.rank == 0:
            self._metric.load_state_dict({name: each for name, each in state.items() if name != "ranks"})
        else:
            self._metric.reset()
