"""Forward and backward pass of a rank: its share of the batch through torch's `DistributedDataParallel`.

The loss of a rank is weighted by `samples of the rank * ranks / samples of the batch`, and DDP divides the sum of the
gradients by the number of ranks: the result is the gradient of the mean over the whole batch, also of an uneven one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter, thread_time
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tui_trainer.data.types import Split
from tui_trainer.engine.ranks.share import Share
from tui_trainer.engine.steps.accumulated import parts_of
from tui_trainer.nn.objectives import Objective


class PassTimes:
    """Seconds of the passes since they were last read.

    A rank that has computed its gradients waits for those of the others: only the time before that is its own.
    """

    def __init__(self) -> None:
        self.by_cpu = False
        """Whether the own time is that of the CPU: the passes of a sharded model wait for others in between."""
        self.own = self.waited = 0.0
        self.ready = 0.0
        """When the last gradient of the present pass was computed."""

    def add(self, began: float, ended: float, computed: float) -> None:
        """Count a pass that took so many seconds of the CPU."""
        ready = min(began + computed, ended) if self.by_cpu else max(self.ready, began)
        self.own += ready - began
        self.waited += ended - ready

    def take(self) -> tuple[float, float]:
        """Return the seconds of own work and of waiting, and start over."""
        taken = self.own, self.waited
        self.own = self.waited = 0.0
        return taken


class SharedModel(Protocol):
    """The model as a rank calls it: the gradients of all ranks are reduced in its backward pass."""

    def __call__(self, inputs: Tensor, /) -> Tensor: ...

    def no_sync(self) -> AbstractContextManager[Any]:
        """Add up the gradients of this rank alone."""
        ...


class SharedPasses:
    """Passes of the samples of one rank. The result is its part of the mean loss, and their outputs.

    A rank without a sample in a batch passes one with weight 0: every rank has to take part in the reduction.

    Args:
        model: the model, wrapped by DDP, or sharded.
        objective: the loss.
        parameters: the trained parameters.
        autocast: mixed precision around the forward pass.
        scaler: scales the loss of a float16 run.
        share: tells how many samples of the batch are this rank's.
        spare: samples for a rank that has none.
        size: samples of all ranks in a part of the batch, where gradients are accumulated; 0 passes it whole.
        times: receives the seconds of the passes.
    """

    def __init__(
        self,
        model: SharedModel,
        objective: Objective,
        parameters: Sequence[nn.Parameter],
        autocast: AbstractContextManager[Any],
        scaler: torch.amp.GradScaler | None,
        share: Share,
        spare: Split,
        size: int,
        times: PassTimes,
    ) -> None:
        self._model = model
        self._objective = objective
        self._parameters = parameters
        self._autocast = autocast
        self._scaler = scaler
        self._share = share
        self._spare = spare.inputs[:1], spare.targets[:1]
        self._size = -(-size // share.size)
        self._times = times

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return (part of the mean loss, outputs); every `grad` holds the gradient of the mean over all ranks."""
        began, computed = perf_counter(), thread_time()
        self._share.take(inputs)
        for parameter in self._parameters:
            parameter.grad = None
        count = len(inputs)
        if not count:
            loss, outputs = self._pass(*self._spare, 0.0)
            result = loss * 0.0, outputs[:0]
        elif not self._size or count <= self._size:
            result = self._pass(inputs, targets, self._share.weight)
        else:
            result = self._pass_in_parts(inputs, targets)
        self._times.add(began, perf_counter(), thread_time() - computed)
        return result

    def _pass(self, inputs: Tensor, targets: Tensor, weight: float) -> tuple[Tensor, Tensor]:
        with self._autocast:
            outputs = self._model(inputs)
            loss = self._objective(outputs, targets)
        weighted = loss * (weight * self._share.size)
        (self._scaler.scale(weighted) if self._scaler is not None else weighted).backward()
        return loss.detach() * weight, outputs.detach()

    def _pass_in_parts(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Add up the gradients of parts; the ranks reduce them once, with the last part."""
        losses: list[Tensor] = []
        outputs: list[Tensor] = []
        parts = list(parts_of(inputs, targets, self._size))
        for number, (part, wanted, share) in enumerate(parts, start=1):
            with nullcontext() if number == len(parts) else self._model.no_sync():
                loss, predicted = self._pass(part, wanted, share * self._share.weight)
            losses.append(loss)
            outputs.append(predicted)
        return torch.stack(losses).sum(), torch.cat(outputs)


def wrap(model: nn.Module, device: torch.device, times: PassTimes) -> DistributedDataParallel:
    """Return the model with DDP around it, which reduces the gradients of all ranks in the backward pass."""
    ids = [device.index or 0] if device.type == "cuda" else None
    wrapped = DistributedDataParallel(model, device_ids=ids)
    first = next(parameter for parameter in model.parameters() if parameter.requires_grad)
    first.register_post_accumulate_grad_hook(_noting(times))
    return wrapped


def _noting(times: PassTimes) -> Callable[[Tensor], None]:
    """Return a hook that notes when a gradient was computed: that of the first layer comes last."""

    def note(_parameter: Tensor) -> None:
        times.ready = perf_counter()

    return note
