"""The share of a rank: which samples of a batch it trains on, and the weight of its mean in the mean of all."""

from __future__ import annotations

from torch import Tensor

_MARK = "samples_of_all_ranks"
"""Attribute of the inputs of a batch: a race reads several batches before it trains the first."""


def bounds(count: int, rank: int, size: int) -> tuple[int, int]:
    """Return where the part of a rank begins and ends in `count` samples; parts differ by one sample at most."""
    return count * rank // size, count * (rank + 1) // size


class Share:
    """Cuts the batches of all ranks down to the samples of one.

    Args:
        rank: the number of this process.
        size: how many there are.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size
        self.samples = 0
        """Samples of the batch at hand, over all ranks."""
        self.own = 0
        """Those of this rank."""

    def part(self, count: int) -> slice:
        """Take a batch of `count` samples in hand. Returns the part of this rank."""
        first, last = bounds(count, self.rank, self.size)
        self.samples, self.own = count, last - first
        return slice(first, last)

    def cut(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Take a batch in hand. Returns the samples of this rank."""
        count = len(inputs)
        part = self.part(count)
        return self.marked(inputs[part], count), targets[part]

    def marked(self, inputs: Tensor, count: int) -> Tensor:
        """Return the samples of this rank with the size of their batch, for a step that is taken later."""
        setattr(inputs, _MARK, count)
        return inputs

    def take(self, inputs: Tensor) -> None:
        """Take the batch in hand that these samples of this rank belong to."""
        self.part(getattr(inputs, _MARK, self.samples))

    @property
    def weight(self) -> float:
        """The weight of the mean over this rank's samples in the mean over all: 0 where it has none."""
        return self.own / self.samples if self.samples else 0.0

    def weighted(self, mean: Tensor) -> Tensor:
        """Return the part that a mean over this rank's samples has in the mean over all."""
        return mean * self.weight if self.own else mean.new_zeros(())
