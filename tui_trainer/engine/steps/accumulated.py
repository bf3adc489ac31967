"""Gradient accumulation: one step along the mean gradient of a batch that is passed in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from tui_trainer.engine.steps.base import ForwardBackward

Loss = Callable[[Tensor, Tensor], Tensor]


def parts_of(inputs: Tensor, targets: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor, float]]:
    """Yield the parts of a batch, `size` samples each and the last one smaller, with the share of each."""
    count = len(inputs)
    for first in range(0, count, size):
        part = inputs[first : first + size]
        yield part, targets[first : first + size], len(part) / count


def sizes_of_parts(sizes: Iterable[int], part: int) -> frozenset[int]:
    """Return the sizes of the parts of batches of these sizes; the sizes themselves if `part` is 0."""
    if not part:
        return frozenset(sizes)
    return frozenset(each for size in sizes for each in (min(size, part), size % part) if each)


def mean_loss(loss: Loss, inputs: Tensor, targets: Tensor, size: int) -> Tensor:
    """Return the mean loss of a batch that is passed in parts; whole if `size` is 0."""
    if not size or len(inputs) <= size:
        return loss(inputs, targets)
    return torch.stack([loss(part, wanted) * share for part, wanted, share in parts_of(inputs, targets, size)]).sum()


class AccumulatedPasses:
    """Passes a batch in parts and adds up their gradients, each part weighted by its share of the samples.

    Args:
        passes: forward and backward pass of one part.
        parameters: the trained parameters.
        size: samples of a part.
    """

    def __init__(self, passes: ForwardBackward, parameters: Sequence[nn.Parameter], size: int) -> None:
        self._passes = passes
        self._parameters = parameters
        self._size = size

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return (mean loss, outputs) of the batch; every `grad` holds its gradient."""
        if len(inputs) <= self._size:
            return self._passes(inputs, targets)
        total: list[Tensor | None] = [None] * len(self._parameters)
        losses: list[Tensor] = []
        outputs: list[Tensor] = []
        for part, wanted, share in parts_of(inputs, targets, self._size):
            loss, predicted = self._passes(part, wanted)
            losses.append(loss.detach() * share)
            outputs.append(predicted.detach())
            with torch.no_grad():
                for index, parameter in enumerate(self._parameters):
                    gradient, held = parameter.grad, total[index]
                    if gradient is not None:
                        total[index] = gradient * share if held is None else held + gradient * share
        for parameter, gradient in zip(self._parameters, total, strict=True):
            parameter.grad = gradient
        return torch.stack(losses).sum(), torch.cat(outputs)
