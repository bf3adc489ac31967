"""An exponential average of the weights over the steps (Polyak and Juditsky 1992; Tarvainen and Valpola 2017)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_KERNELS: Any = torch
"""torch's functions of many tensors at once have no public name."""


class WeightAverage:
    """Averages the trained weights: `average = decay average + (1 - decay) weights` after each step.

    The first step sets the average to the weights, as torch's `AveragedModel` does, with the same bits. Buffers, such
    as the running averages of a batch normalisation, are those of the model.

    Args:
        model: the model that is trained.
        decay: the weight of the past.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
        self._names = [name for name, _ in named]
        self._parameters = [parameter for _, parameter in named]
        self._values = [parameter.detach().clone() for parameter in self._parameters]
        self.steps = 0
        """Steps that the average covers."""

    def update(self) -> None:
        """Add the weights after a step."""
        with torch.no_grad():
            if self.steps:
                _KERNELS._foreach_lerp_(self._values, self._parameters, 1 - self._decay)
            else:
                _KERNELS._foreach_copy_(self._values, self._parameters)
        self.steps += 1

    @contextmanager
    def in_model(self) -> Generator[None]:
        """Put the average into the model; its own weights are back afterwards, where they were in memory."""
        own = [parameter.data for parameter in self._parameters]
        try:
            for parameter, value in zip(self._parameters, self._values, strict=True):
                parameter.data = value
            yield
        finally:
            for parameter, value in zip(self._parameters, own, strict=True):
                parameter.data = value

    def state_dict(self) -> dict[str, Any]:
        """Return the average by the names of the parameters; the tensors are the live ones."""
        values: dict[str, Tensor] = dict(zip(self._names, self._values, strict=True))
        return {"steps": self.steps, "values": values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; of a run without an average, from the weights of the model."""
        self.steps = int(state.get("steps", 0))
        with torch.no_grad():
            for name, value, parameter in zip(self._names, self._values, self._parameters, strict=True):
                value.copy_(state["values"][name] if self.steps else parameter)
