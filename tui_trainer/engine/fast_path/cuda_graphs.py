"""Forward and backward pass as CUDA graphs.

Launching the kernels of a small model one by one takes longer than the kernels; a graph launches all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

Capture = Callable[[nn.Module, tuple[Tensor]], Any]
"""Replaces a module's passes by graphs, in place: `torch.cuda.make_graphed_callables`."""


class _Wrapper(nn.Module):
    """A module around the model, whose `forward` the capture replaces; the model itself stays as it is."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        return self.model(inputs)


class GraphedModel:
    """A model whose passes over training batches of one shape are replayed from graphs; other batches run without.

    A graph knows one shape, and the last batch of an epoch may be smaller. Outputs and gradients are the same tensors
    at every call, overwritten by the next one.

    Args:
        model: on a CUDA device.
        sample: a batch of the usual shape. The graphs get a copy of it: each replay writes its batch there.
        capture: records the graphs.

    Raises:
        RuntimeError: the passes wait for the device, or differ from call to call, and cannot be recorded.
    """

    def __init__(self, model: nn.Module, sample: Tensor, capture: Capture) -> None:
        self._model = model
        self._shape = sample.shape
        self._graphed = _Wrapper(model)
        # Recording runs the passes a few times, which must not change running statistics.
        buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
        was_training = model.training
        self._graphed.train()
        try:
            capture(self._graphed, (sample.clone(),))
        finally:
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)
            for parameter in model.parameters():
                parameter.grad = None
            model.train(was_training)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the outputs of a batch."""
        if inputs.shape == self._shape and self._model.training:
            return self._graphed(inputs)
        return self._model(inputs)


def unsupported_reason(device: torch.device, *, compiled: bool) -> str:
    """Return why a run cannot use graphs, an empty string if it can."""
    if device.type != "cuda":
        return f"CUDA graphs need a CUDA device, and this is {device.type}"
    if compiled:
        return "training.compile replaces the model already"
    return ""


def graph_model(model: nn.Module, sample: Tensor, log: Callable[[str], None]) -> Callable[[Tensor], Tensor]:
    """Return the model with graphs, or the model itself with the reason logged."""
    try:
        # Recording takes the streams of the current device, which is the first one in a run on another.
        with torch.cuda.device(sample.device) if sample.is_cuda else nullcontext():
            return GraphedModel(model, sample, torch.cuda.make_graphed_callables)
    except Exception as error:  # noqa: BLE001 - recording fails in many ways, and none may end a run
        first = (str(error).splitlines() or [""])[0][:200]
        log(f"training.cuda_graphs: the model runs without graphs: {type(error).__name__}: {first}")
        return model
