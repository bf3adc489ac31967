"""The optimizers of a script: their steps are counted, their rates recorded, and set where a schedule of ours is used.

While nothing was changed by hand, the rates are the script's own and are only read. Once a rate or a schedule was set,
`rate` is the one in force: each group gets it in the ratio that the script gave the groups, and what the script writes
later counts as its own rate, kept for when the rate is given back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tui_trainer.errors import UserError, did_you_mean

Group = dict[str, Any]


def as_optimizers(given: Any) -> dict[str, torch.optim.Optimizer]:
    """Return the optimizers by name. Raises `TypeError` for something else."""
    if given is None:
        return {}
    named = dict(given) if isinstance(given, Mapping) else {"": given}
    for name, optimizer in named.items():
        if not hasattr(optimizer, "param_groups") or not callable(getattr(optimizer, "step", None)):
            where = f"optimizer[{name!r}]" if name else "optimizer"
            raise TypeError(
                f"Monitor: {where} is a {type(optimizer).__name__}; give a torch optimizer, or a dict of them"
            )
    return {str(name): optimizer for name, optimizer in named.items()}


def rate_of(group: Group) -> float:
    """Return the learning rate of a group as a number. Waits for one that is a tensor."""
    return float(group["lr"])


def set_rate(group: Group, rate: float) -> None:
    """Set the learning rate of a group; a tensor stays the same tensor, which a captured step reads."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def _copied(rate: Any) -> Any:
    """Return a copy of a rate; one that is a tensor stays on its device."""
    if isinstance(rate, Tensor):
        return float(rate.item()) if rate.is_cpu else rate.detach().clone()
    return rate


class ScriptOptimizers:
    """The optimizers of a script, the first of which takes the steps that are counted.

    Args:
        optimizers: by name; a single one has the empty name.
    """

    description = None

    def __init__(self, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        self.named = dict(optimizers)
        self._groups: list[Group] = [group for optimizer in self.named.values() for group in optimizer.param_groups]
        self._own = [0.0] * len(self._groups)
        """The rates that the script gave its groups, while others are in force."""
        self._written = [0.0] * len(self._groups)
        self._initial = [rate_of(group) for group in self._groups]
        self._scales = dict.fromkeys(self.named, 1.0) if len(self.named) > 1 else {}
        """Factors that were set by hand on the rates of single optimizers; that of the first is always 1."""
        self.overlaid = False
        """Whether rates in force are not the script's own."""
        self._seen: float | None = None
        self._recorded: dict[str, Any] = {}
        """The rate of a single optimizer at its last step, and what was recorded for it."""
        self._handles: list[Any] = []
        self._guards: list[Any] = []
        self.hooked = False
        """Whether steps are counted by a hook."""
        self._first: Any = next(iter(self.named.values()), None)

    def call_after_step(self, stepped: Callable[..., None]) -> None:
        """Call this after each step of the first optimizer, where it has hooks."""
        register = getattr(self._first, "register_step_post_hook", None)
        if callable(register):
            self._handles.append(register(stepped))
            self.hooked = True

    def hooks_around_step(self, before: Callable[..., None], after: Callable[..., None]) -> list[Any]:
        """Call these before and after each step of the first optimizer. Returns what removes them again."""
        return [self._first.register_step_pre_hook(before), self._first.register_step_post_hook(after)]

    @property
    def unskippable(self) -> str:
        """Why no step can be skipped to the bit, by taking the gradients away; empty if one can."""
        kind = type(self._first)
        if len(self.named) > 1:
            return f"the script has {len(self.named)} optimizers: nothing says which of them step for the same batch"
        if isinstance(self._first, torch.optim.LBFGS):
            return "LBFGS evaluates several gradients in a step: none of its steps can be skipped"
        if not kind.__module__.startswith("torch.optim"):
            return f"{kind.__name__} is not one of torch's optimizers: what it does without gradients is not known"
        return ""

    def __bool__(self) -> bool:
        return bool(self._groups)

    @property
    def groups(self) -> list[Group]:
        """The parameter groups of all optimizers; those that were added or replaced are taken in."""
        self._refresh()
        return self._groups

    def _refresh(self) -> None:
        groups = [group for optimizer in self.named.values() for group in optimizer.param_groups]
        for group in groups[len(self._groups) :]:
            rate = rate_of(group)
            self._own.append(rate)
            self._written.append(rate)
            self._initial.append(rate)
        self._groups = groups

    @property
    def own_rate(self) -> float:
        """The rate that the script gave its first group."""
        if not self._groups:
            return 0.0
        return self._own[0] if self.overlaid else rate_of(self.groups[0])

    def recorded(self) -> dict[str, Any]:
        """Return the rates in force by series, tensors copied: nothing waits for them."""
        if not self._groups:
            return {}
        rate = self._first.param_groups[0]["lr"]
        if rate is self._seen:  # the same number, as for most steps
            return self._recorded
        self._recorded = recorded = {"lr": _copied(rate)}
        self._seen = rate if type(rate) is float and len(self.named) == 1 else None
        if len(self.named) > 1:
            for name, optimizer in self.named.items():
                recorded[f"lr/{name}"] = _copied(optimizer.param_groups[0]["lr"])
        return recorded

    def ignored_rate(self, step: int) -> str:
        """Return why a learning rate set now has no effect; it always has one."""
        del step
        return ""

    # -- rates that are not the script's own ------------------------------------------------------------------------

    def overlay(self, *, on: bool) -> None:
        """Begin or end setting the rates."""
        if on == self.overlaid:
            return
        if on:
            self._own = [rate_of(group) for group in self.groups]
            for optimizer in self.named.values():
                register = getattr(optimizer, "register_step_pre_hook", None)
                if callable(register):
                    self._guards.append(register(_call(self.reclaim)))
            self._written = list(self._own)
        else:
            self.give_own()
            for handle in self._guards:
                handle.remove()
            self._guards.clear()
        self.overlaid = on

    def set_lr(self, lr: float) -> None:
        """Set the rate of the first group, and those of the others in the ratio that the script gave them."""
        if not self.overlaid:
            return
        first = self._own[0]
        scales = [self._scales.get(name, 1.0) for name, each in self.named.items() for _ in each.param_groups]
        for index, (group, scale) in enumerate(zip(self.groups, scales, strict=True)):
            if first:
                ratio = self._own[index] / first
            else:
                ratio = self._initial[index] / self._initial[0] if self._initial[0] else 1.0
            self._written[index] = lr * ratio * scale
            set_rate(group, self._written[index])

    @property
    def scales(self) -> dict[str, float]:
        """The factor that was set by hand on the rate of each optimizer, by name; empty for a single one."""
        return dict(self._scales)

    def rate_of(self, name: str) -> float:
        """Return the rate in force of one of several optimizers. Raises `UserError` where there is none of the name."""
        optimizer = self.named.get(name) if self._scales else None
        if optimizer is None:
            known = did_you_mean(name, self.named) if self._scales else "this run has one: leave out optimizer="
            raise UserError(f"no optimizer {name!r}; {known}")
        return rate_of(optimizer.param_groups[0])

    def scale(self, name: str, factor: float) -> float:
        """Multiply the rate of one optimizer. Returns the factor for the plan, which gives the rate of the first."""
        first = next(iter(self._scales))
        if name != first:
            self._scales[name] *= factor
            return 1.0
        self._scales = {other: 1.0 if other == first else scale / factor for other, scale in self._scales.items()}
        return factor

    def load_scales(self, scales: Mapping[str, float]) -> None:
        """Set the factors to those that `scales` returned."""
        self._scales = {name: float(scales.get(name, 1.0)) for name in self._scales}

    def give_back_scales(self) -> None:
        """Set the factor of each optimizer to 1."""
        self.load_scales({})

    def give_own(self) -> None:
        """Put back the rates that the script gave, before its own schedule computes the next ones from them."""
        for group, own in zip(self.groups, self._own, strict=True):
            set_rate(group, own)

    def take_own(self) -> None:
        """Take the rates that are there as the script's own, and put those in force in their place."""
        self._own = [rate_of(group) for group in self.groups]
        self.set_written()

    def set_written(self) -> None:
        """Put the rates in force in place of the script's own."""
        for group, written in zip(self.groups, self._written, strict=True):
            set_rate(group, written)

    def reclaim(self) -> None:
        """Take rates that the script wrote by itself since the last time as its own."""
        for index, group in enumerate(self.groups):
            rate = group["lr"]
            if not isinstance(rate, Tensor) and rate != self._written[index]:
                self._own[index] = float(rate)
                group["lr"] = self._written[index]

    # -- state ------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return torch's state dicts by name; the tensors are the live ones."""
        return {name: optimizer.state_dict() for name, optimizer in self.named.items()}

    def load_state_dict(self, state: Mapping[str, Any], copied: Callable[[Any], Any], *, settings: bool) -> None:
        """Load a copy of what `state_dict` returned; the rates in force stay.

        Args:
            settings: also the other settings of the groups.
        """
        for name, optimizer in self.named.items():
            kept = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
            optimizer.load_state_dict(copied(state[name]))
            for group, own in zip(optimizer.param_groups, kept, strict=True):
                group.update({key: value for key, value in own.items() if not settings or key == "lr"})
        self._groups = [group for optimizer in self.named.values() for group in optimizer.param_groups]

    @property
    def own_rates(self) -> list[float]:
        """The rates that the script gave its groups."""
        return list(self._own) if self.overlaid else [rate_of(group) for group in self.groups]

    def load_own_rates(self, rates: Sequence[float]) -> None:
        """Begin with these rates as the script's own."""
        if len(rates) != len(self._groups):
            raise ValueError(f"{len(rates)} rates were saved, the optimizers have {len(self._groups)} groups")
        self.overlaid = False
        self._own = list(rates)
        self.give_own()

    def close(self) -> None:
        """Leave the optimizers as they were."""
        for handle in self._handles + self._guards:
            handle.remove()
        self._handles, self._guards = [], []


def _call(function: Callable[[], None]) -> Callable[..., None]:
    """Return a hook of an optimizer that calls a function without arguments."""

    def hook(*_: object) -> None:
        function()

    return hook
