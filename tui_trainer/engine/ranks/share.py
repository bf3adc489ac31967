"""The share of a rank: which samples of a batch it trains on, and the weight of its mean in the mean of all."""

from __future__ import annotations

from torch import Tensor


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
        part = self.part(len(inputs))
        return inputs[part], targets[part]

    @property
    def weight(self) -> float:
        """The weight of the mean over this rank's samples in the mean over all: 0 where it has none."""
        return self.own / self.samples if self.samples else 0.0

    def weighted(self, mean: Tensor) -> Tensor:
        """Return the part that a mean over this rank's samples has in the mean over all."""
        return mean * self.weight if self.own else mean.new_zeros(())
