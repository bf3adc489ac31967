"""Moves the state of one optimizer into another over the same parameters: what fits is taken, settings stay.

A roll-back restores the state of the optimizer that was in force when the weights were saved. The one in force now may
have other settings, or be of another kind. An average of gradients is the same under another `betas`; what an
optimizer needs and the save lacks is made as torch makes it before the first step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import Parameter

from tui_trainer.optim.paired import Pair
from tui_trainer.optim.reference import ReferenceAdagrad, ReferenceAdam
from tui_trainer.optim.second_order import NewtonOptimizer, SteepestDescentOptimizer

Entries = dict[str, Any]
"""The state of one parameter by name."""

_ADAM = (torch.optim.Adam, torch.optim.AdamW, torch.optim.RAdam, torch.optim.NAdam, ReferenceAdam)
_ADAGRAD = (torch.optim.Adagrad, ReferenceAdagrad)
_NAMES = {"m": "exp_avg", "s": "exp_avg_sq", "largest": "max_exp_avg_sq"}
"""Entries of `ReferenceAdam` in the words of torch."""


def members_of(optimizer: torch.optim.Optimizer) -> tuple[torch.optim.Optimizer, ...]:
    """Return the optimizers that a pair consists of, or the optimizer itself."""
    return optimizer.members if isinstance(optimizer, Pair) else (optimizer,)


def has_tensors(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether an optimizer keeps anything from earlier steps besides their number."""
    return any(
        isinstance(value, Tensor) and name != "step"
        for member in members_of(optimizer)
        for state in member.state.values()
        for name, value in state.items()
    )


def transfer(target: torch.optim.Optimizer, source: torch.optim.Optimizer) -> int:
    """Fill the empty state of `target` with that of `source`.

    Returns:
        the number of parameters whose state in `source` is of another kind than `target` keeps.
    """
    owners = {
        parameter: (member, group)
        for member in members_of(source)
        for group in member.param_groups
        for parameter in group["params"]
    }
    left = 0
    for member in members_of(target):
        for group in member.param_groups:
            for parameter in group["params"]:
                owner, settings = owners[parameter]
                saved = owner.state.get(parameter)
                if not _alike(member, owner):
                    left += _keeps_state(member, group)
                elif saved:
                    member.state[parameter] = _fitting(member, group, parameter, settings, saved)
    return left


def refresh(target: torch.optim.Optimizer, groups: list[dict[str, Any]]) -> None:
    """Compute again what a loaded state holds of the settings that it was saved with.

    Args:
        target: an optimizer with its own settings and a loaded state.
        groups: the groups of the optimizer that the state is of.
    """
    own = [group for member in members_of(target) for group in member.param_groups]
    states = {parameter: state for member in members_of(target) for parameter, state in member.state.items()}
    for group, saved in zip(own, groups, strict=False):
        for parameter in group["params"]:
            if parameter in states:
                _follow_settings(states[parameter], group, saved)


def _alike(target: torch.optim.Optimizer, source: torch.optim.Optimizer) -> bool:
    """Return whether entries of the same name mean the same to both."""
    families = (_ADAM, _ADAGRAD)
    return type(target) is type(source) or any(
        isinstance(target, family) and isinstance(source, family) for family in families
    )


def _keeps_state(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> bool:
    if isinstance(optimizer, torch.optim.SGD):
        return group["momentum"] != 0
    return not isinstance(optimizer, (NewtonOptimizer, SteepestDescentOptimizer))


def _fitting(
    target: torch.optim.Optimizer,
    group: dict[str, Any],
    parameter: Parameter,
    settings: dict[str, Any],
    saved: Entries,
) -> Entries:
    """Return the state of a parameter for `target`, from that of an optimizer that is alike and had `settings`."""
    if isinstance(target, _ADAM):
        return _adam(target, group, parameter, saved)
    if isinstance(target, _ADAGRAD):
        return {"step": _count(saved["step"], target, group, parameter), "sum": saved["sum"]}
    rule = _RULES.get(type(target))
    entries = rule(group, parameter, dict(saved)) if rule is not None else dict(saved)
    _follow_settings(entries, group, settings)
    return entries


def _adam(target: torch.optim.Optimizer, group: dict[str, Any], parameter: Parameter, saved: Entries) -> Entries:
    """Return the averages of an optimizer of Adam's family in the names of another."""
    known = {_NAMES.get(name, name): value for name, value in saved.items()}
    entries: Entries = {
        "step": _count(known["step"], target, group, parameter),
        "exp_avg": known["exp_avg"],
        "exp_avg_sq": known["exp_avg_sq"],
    }
    own = isinstance(target, ReferenceAdam)
    if group.get("amsgrad") or own:
        entries["max_exp_avg_sq"] = known.get("max_exp_avg_sq", torch.zeros_like(parameter))
    if isinstance(target, torch.optim.NAdam):
        entries["mu_product"] = known.get("mu_product", _mu_product(group, known["step"], parameter))
    names = {name: mine for mine, name in _NAMES.items()} if own else {}
    return {names.get(name, name): value for name, value in entries.items()}


def _count(step: Any, target: torch.optim.Optimizer, group: dict[str, Any], parameter: Parameter) -> Any:
    """Return a step count as the optimizer keeps it: an int, or a scalar tensor where its kernel reads it."""
    if isinstance(target, (ReferenceAdam, ReferenceAdagrad)):
        return int(step)
    device = parameter.device if group.get("fused") or group.get("capturable") else "cpu"
    return torch.tensor(float(step), dtype=_count_type(step), device=device)


def _count_type(step: Any) -> torch.dtype:
    if isinstance(step, Tensor):
        return step.dtype
    return torch.float64 if torch.get_default_dtype() is torch.float64 else torch.float32


def _mu_product(group: dict[str, Any], step: Any, parameter: Parameter) -> Tensor:
    """Return the product of the momentum schedule of NAdam after so many steps."""
    counts = torch.arange(1, int(step) + 1, dtype=torch.float64)
    factors = group["betas"][0] * (1 - 0.5 * 0.96 ** (counts * group["momentum_decay"]))
    device = parameter.device if group.get("capturable") else "cpu"
    return factors.prod().to(device, _count_type(step))


def _sgd(group: dict[str, Any], _parameter: Parameter, saved: Entries) -> Entries:
    """Without a buffer torch begins one with the next gradient."""
    return {name: value for name, value in saved.items() if group["momentum"] and value is not None}


def _rmsprop(group: dict[str, Any], parameter: Parameter, saved: Entries) -> Entries:
    for name, needed in (("momentum_buffer", group["momentum"] > 0), ("grad_avg", group["centered"])):
        if not needed:
            saved.pop(name, None)
        elif name not in saved:
            saved[name] = torch.zeros_like(parameter)
    return saved


def _lbfgs(group: dict[str, Any], _parameter: Parameter, saved: Entries) -> Entries:
    """Keep the newest of the past steps, as many as are to be remembered."""
    size = group["history_size"]
    for name in ("old_dirs", "old_stps", "ro"):
        if saved.get(name) is not None:
            saved[name] = list(saved[name])[-size:]
    if "al" in saved:
        saved["al"] = [None] * size
    return saved


_RULES = cast(
    "dict[type[torch.optim.Optimizer], Callable[[dict[str, Any], Parameter, Entries], Entries]]",
    {torch.optim.SGD: _sgd, torch.optim.RMSprop: _rmsprop, torch.optim.LBFGS: _lbfgs},
)
"""The optimizers whose settings change the entries of their state, with the function that makes a state fit."""


def _follow_settings(state: Entries, group: dict[str, Any], saved: dict[str, Any]) -> None:
    """Compute again the step size and the weight of the average that ASGD keeps: they follow from its settings."""
    if not {"eta", "mu", "ax"} <= state.keys():
        return
    step = float(state["step"])
    if any(group[name] != saved.get(name) for name in ("lr", "lambd", "alpha")):
        eta = group["lr"] / ((1 + group["lambd"] * group["lr"] * step) ** group["alpha"])
        state["eta"] = torch.full_like(state["eta"], eta)
    if group["t0"] != saved.get("t0"):
        state["mu"] = torch.full_like(state["mu"], 1 / max(1.0, step - group["t0"]))
