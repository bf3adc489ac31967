"""Updates written out where torch's optimizers have no form of them: the lecture's Adagrad, Adam without correction.

With torch's choices they are torch's steps, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter


class ReferenceOptimizer(torch.optim.Optimizer):
    """A base class for updates of each parameter from its gradient and state."""

    def __init__(self, parameters: Iterable[Parameter], **settings: Any) -> None:
        super().__init__(parameters, settings)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    state = self.state[parameter]
                    state["step"] = state.get("step", 0) + 1
                    self.update(parameter, parameter.grad, state, group)

    def update(self, x: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Update one parameter."""
        raise NotImplementedError


class ReferenceAdagrad(ReferenceOptimizer):
    """s <- s + g^2; x <- x - lr g / sqrt(s + eps), or torch's x - lr g / (sqrt(s) + eps)."""

    def update(self, x: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        g = g + group["weight_decay"] * x
        if "sum" not in state:
            state["sum"] = torch.full_like(x, group["initial_accumulator_value"])
        state["sum"] += g * g
        rate, eps = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"]), group["eps"]
        x -= rate * g / ((state["sum"] + eps).sqrt() if group["eps_inside"] else state["sum"].sqrt() + eps)


class ReferenceAdam(ReferenceOptimizer):
    """m <- b1 m + (1 - b1) g; s <- b2 s + (1 - b2) g^2; x <- x - lr m / (sqrt(s) + eps).

    With bias correction m is divided by 1 - b1^k and s by 1 - b2^k in step k, as in torch.
    """

    def update(self, x: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if group["decoupled_weight_decay"]:
            x *= 1 - group["lr"] * group["weight_decay"]
        else:
            g = g + group["weight_decay"] * x
        if "m" not in state:
            state["m"], state["s"], state["largest"] = (torch.zeros_like(x) for _ in range(3))
        first, second = group["betas"]
        state["m"] = first * state["m"] + (1 - first) * g
        state["s"] = second * state["s"] + (1 - second) * g * g
        scale = state["s"]
        if group["amsgrad"]:
            scale = state["largest"] = torch.maximum(state["largest"], scale)
        m = state["m"]
        if group["bias_correction"]:
            m, scale = m / (1 - first ** state["step"]), scale / (1 - second ** state["step"])
        x -= group["lr"] * m / (scale.sqrt() + group["eps"])
