"""Forward and backward pass as CUDA graphs: launched whole, where to launch a small model's kernels one by one costs
more than they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Capture = Callable[[nn.Module, tuple[Tensor]], Any]
"""Makes a module's passes graphs, in place: `torch.cuda.make_graphed_callables`."""


class _Whole(nn.Module):
    """A module around the model: what is captured is put in this one's place, and the model stays as it is."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        return self.model(inputs)


class GraphedModel:
    """A model whose passes over training batches of one shape are replayed from graphs; any other batch runs as always.

    An epoch's last batch may be smaller, and validation has batches of its own: a graph knows one shape.

    Args:
        model: on a CUDA device.
        sample: a batch of the usual shape.
        capture: what records the graphs.

    Raises:
        RuntimeError: the passes cannot be recorded: they wait for the device, or differ from call to call.
    """

    def __init__(self, model: nn.Module, sample: Tensor, capture: Capture) -> None:
        self._model = model
        self._shape = sample.shape
        self._whole = _Whole(model)
        # Recording runs the passes a few times: statistics that a model keeps must not have seen them.
        kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
        was_training = model.training
        self._whole.train()
        try:
            capture(self._whole, (sample,))
        finally:
            with torch.no_grad():
                for buffer, before in kept:
                    buffer.copy_(before)
            for parameter in model.parameters():
                parameter.grad = None
            model.train(was_training)

    def __call__(self, inputs: Tensor) -> Tensor:
        """The outputs of a batch."""
        if inputs.shape == self._shape and self._model.training:
            return self._whole(inputs)
        return self._model(inputs)


def unsupported_reason(device: torch.device, *, compiled: bool) -> str:
    """Why a run cannot use graphs, empty where it can."""
    if device.type != "cuda":
        return f"CUDA graphs need a CUDA device, and this is {device.type}"
    if compiled:
        return "training.compile takes the model's place already"
    return ""


def graph_model(model: nn.Module, sample: Tensor, log: Callable[[str], None]) -> Callable[[Tensor], Tensor]:
    """The model with graphs, or the model itself and a word why."""
    try:
        return GraphedModel(model, sample, torch.cuda.make_graphed_callables)
    except Exception as error:  # noqa: BLE001 - what cannot be recorded fails in many ways, and none may end a run
        first = (str(error).splitlines() or [""])[0][:200]
        log(f"training.cuda_graphs: the model runs without graphs: {type(error).__name__}: {first}")
        return model
