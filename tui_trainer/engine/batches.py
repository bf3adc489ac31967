"""The order of the samples, a function of the seed and the epoch: training can start at any batch of any epoch."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import torch

from tui_trainer.data.types import Split
from tui_trainer.engine.ranks.share import Share


def seeded(*numbers: int) -> torch.Generator:
    """Return a generator on the CPU whose stream is a function of all the numbers."""
    generator = torch.Generator()
    state = 0x9E3779B97F4A7C15
    for number in numbers:  # splitmix64: neighbouring seeds and epochs give unrelated streams
        state = (state ^ number) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 29
    return generator.manual_seed(state)


class Batches:
    """The training split cut into batches, epoch by epoch.

    Args:
        split: the training data, on the device.
        batch_size: samples in a batch; the last batch of an epoch may be smaller.
        sampling: `shuffle` uses each sample once in an epoch; `replacement` draws independently; `full` is one batch.
        seed: seed of the order.
        count: samples in an epoch, where `split` holds only some of them.
    """

    def __init__(self, split: Split, batch_size: int, sampling: str, seed: int, count: int = 0) -> None:
        self.split = split
        self.count = count or len(split)
        """Samples in an epoch."""
        self.sampling = sampling
        self.seed = seed
        self.waited = 0.0
        """Seconds in which a loop waited for the samples of its epochs."""
        self.share: Share | None = None
        """The share of this process in each batch; None where it trains on all of it."""
        self.resize(batch_size)

    def resize(self, batch_size: int) -> None:
        """Cut epochs into batches of this size from now on; not while one is being yielded."""
        count = self.count
        self.size = count if self.sampling == "full" else min(batch_size, count)
        self.per_epoch = -(-count // self.size)
        self.sizes = frozenset({self.size, count - (self.per_epoch - 1) * self.size})
        """The sizes of all batches."""

    def order(self, epoch: int) -> torch.Tensor | None:
        """Return the indices of an epoch's samples in the order of their use; None for the order of the data."""
        if self.sampling == "full":
            return None
        generator = seeded(self.seed, epoch)
        count = self.count
        if self.sampling == "replacement":
            return torch.randint(count, (count,), generator=generator)
        return torch.randperm(count, generator=generator)

    def state_dict(self, step: int) -> dict[str, Any]:
        """Return what the batches after `step` steps depend on, besides seed and number: nothing."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the batches of an epoch from index `start` on.

        The full epoch is gathered once and then sliced: an index per batch costs a fifth of a small model's step.
        """
        began = perf_counter()
        inputs, targets = self.split.inputs, self.split.targets
        order = self.order(epoch)
        if order is not None:
            order = order.to(inputs.device)
            inputs, targets = inputs[order], targets[order]
        self.waited += perf_counter() - began
        for first in range(start * self.size, len(inputs), self.size):
            batch = inputs[first : first + self.size], targets[first : first + self.size]
            yield batch if self.share is None else self.share.cut(*batch)
