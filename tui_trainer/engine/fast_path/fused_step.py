"""The optimizer's step bound once: torch's fused kernel on the same tensors, without the search before each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

_ADAM = (torch.optim.Adam, torch.optim.AdamW)
_KERNELS: Any = torch
"""torch's fused kernels have no public name: if one is missing, the optimizer's own step is taken."""
_NEEDED = ("_fused_adam_", "_fused_adamw_", "_fused_sgd_")


def bind_step(optimizer: torch.optim.Optimizer) -> Callable[[], object]:
    """Return what takes a step of the optimizer: the fused kernel itself where it has one, else its `step`.

    On a small model `Optimizer.step` spends most of its time collecting its tensors, hooks and options. The kernel sees
    the same numbers either way, so every bit of the result is the same.
    """
    groups = optimizer.param_groups
    parameters = [parameter for group in groups for parameter in group["params"]]
    known = type(optimizer) in (*_ADAM, torch.optim.SGD)
    fused = all(group.get("fused") and not group.get("capturable") for group in groups)
    alike = len({(parameter.device, parameter.dtype) for parameter in parameters}) == 1
    if not (known and fused and alike and all(hasattr(torch, name) for name in _NEEDED)):
        return optimizer.step
    return _FusedStep(optimizer)


@dataclass(slots=True)
class _Group:
    """A group of parameters with their state by name.

    Attributes:
        options: the optimizer's own group, so that a learning rate set there is used here.
        counter: the step counts of all parameters; the state holds views of its rows, so one addition counts all.
    """

    options: dict[str, Any]
    parameters: list[Tensor]
    state: list[list[Tensor]]
    counter: Tensor | None


class _FusedStep:
    """A step through the kernel. The state stays in the optimizer, whose state dict is always current."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._take = _adam if isinstance(optimizer, _ADAM) else _sgd
        self._groups: list[_Group] | None = None
        """None before the first step, and after a state was loaded."""
        # A loaded state is made of new tensors.
        optimizer.register_load_state_dict_post_hook(self._unbind)
        own: Any = optimizer
        shared: Any = import_module("torch.optim.optimizer")
        self._hook_tables: tuple[dict[int, Any], ...] = (
            own._optimizer_step_pre_hooks,
            own._optimizer_step_post_hooks,
            shared._global_optimizer_pre_hooks,
            shared._global_optimizer_post_hooks,
        )

    def _unbind(self, _optimizer: torch.optim.Optimizer) -> None:
        self._groups = None

    def __call__(self) -> None:
        """Take one step of every parameter that has a gradient."""
        groups = self._groups
        if groups is None or any(self._hook_tables) or len(groups) != len(self._optimizer.param_groups):
            self._optimizer.step()  # the first one creates the state
            self._groups = self._bind()
            return
        gradients = [[parameter.grad for parameter in group.parameters] for group in groups]
        if any(gradient is None for column in gradients for gradient in column):
            self._optimizer.step()
            return
        with torch.no_grad():
            for group, column in zip(groups, gradients, strict=True):
                self._take(group, column)

    def _bind(self) -> list[_Group] | None:
        optimizer = self._optimizer
        bound: list[_Group] = []
        for group in optimizer.param_groups:
            states = [optimizer.state.get(parameter, {}) for parameter in group["params"]]
            names = _names(group)
            if not all(isinstance(state.get(name), Tensor) for state in states for name in names):
                return None
            counter = None
            if "step" in names:
                counter = torch.stack([state["step"] for state in states])
                for state, count in zip(states, counter.unbind(), strict=True):
                    state["step"] = count
            columns = [[state[name] for state in states] for name in names]
            bound.append(_Group(group, list(group["params"]), columns, counter))
        return bound


def _names(group: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the tensors in the state of each parameter of a group."""
    if "betas" not in group:
        return ("momentum_buffer",) if group["momentum"] else ()
    return ("step", "exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if group["amsgrad"] else ()))


def _adam(group: _Group, gradients: list[Any]) -> None:
    options = group.options
    steps, averages, squares, *largest = group.state
    beta1, beta2 = options["betas"]
    assert group.counter is not None
    group.counter += 1
    kernel = _KERNELS._fused_adamw_ if options["decoupled_weight_decay"] else _KERNELS._fused_adam_
    kernel(
        group.parameters,
        gradients,
        averages,
        squares,
        largest[0] if largest else [],
        steps,
        amsgrad=options["amsgrad"],
        lr=options["lr"],
        beta1=beta1,
        beta2=beta2,
        weight_decay=options["weight_decay"],
        eps=options["eps"],
        maximize=options["maximize"],
        grad_scale=None,
        found_inf=None,
    )


def _sgd(group: _Group, gradients: list[Any]) -> None:
    options = group.options
    _KERNELS._fused_sgd_(
        group.parameters,
        gradients,
        group.state[0] if group.state else [],
        weight_decay=options["weight_decay"],
        momentum=options["momentum"],
        lr=options["lr"],
        dampening=options["dampening"],
        nesterov=options["nesterov"],
        maximize=options["maximize"],
        is_first_step=False,
        grad_scale=None,
        found_inf=None,
    )
