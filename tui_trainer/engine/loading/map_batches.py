"""Batches of a map-style data set, each read when its step comes."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import torch

from tui_trainer.data.loaders import drawing
from tui_trainer.data.types import BatchSource, Split
from tui_trainer.engine.batches import Batches


class MapBatches(Batches):
    """Batches of a data set with an index, in the order of the seed and the epoch.

    A batch is a function of the seed, the epoch and its number, also where the data set draws random numbers: training
    can start at any of them.

    Args:
        source: the data set.
        split: some of its samples, on the device.
        batch_size: samples in a step.
        sampling: as in `Batches`.
        seed: seed of the order, and of the random numbers that the data set draws.
    """

    def __init__(self, source: BatchSource, split: Split, batch_size: int, sampling: str, seed: int) -> None:
        super().__init__(split, batch_size, sampling, seed, len(source.indices))
        self._source = source

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the batches of an epoch from index `start` on."""
        order = self.order(epoch)
        numbers = range(self.count) if order is None else order.tolist()
        device = self.split.inputs.device
        for number in range(start, self.per_epoch):
            began = perf_counter()
            wanted, stream = numbers[number * self.size : (number + 1) * self.size], (self.seed, epoch, number)
            if self.share is not None:
                wanted = wanted[self.share.part(len(wanted))]
                stream = (*stream, self.share.rank) if self.share.rank else stream
            with drawing(*stream):
                inputs, targets = self._source.fetch(wanted or numbers[:1])
            if not wanted:
                inputs, targets = inputs[:0], targets[:0]
            batch = inputs.to(device), targets.to(device)
            if self.share is not None:
                self.share.marked(batch[0], self.share.samples)
            self.waited += perf_counter() - began
            yield batch
