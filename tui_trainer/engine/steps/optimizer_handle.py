"""The optimizer of a run: the torch object, its description, and how a learning rate reaches it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from pydantic import TypeAdapter
from torch import Tensor
from torch.nn import Parameter

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.engine.setup import TrainingSetup, optimizer_for
from tui_trainer.engine.steps.state_transfer import has_tensors, refresh, transfer
from tui_trainer.errors import UserError

_OPTIMIZERS: TypeAdapter[AnyOptimizer] = TypeAdapter(AnyOptimizer)
Averages = Literal["", "kept", "partly kept", "reset"]
"""The outcome for the state of an optimizer that was replaced."""


class OptimizerHandle:
    """Owns the torch optimizer of a run and can replace it.

    Args:
        setup: holds the model to be stepped.
        description: the first optimizer.

    Raises:
        UserError: the optimizer cannot step the model.
    """

    description: AnyOptimizer
    torch_optimizer: torch.optim.Optimizer
    step: Callable[[], object]
    """Takes one step with the gradients that are there."""

    def __init__(self, setup: TrainingSetup, description: AnyOptimizer) -> None:
        self._setup = setup
        self._trusted = getattr(description, "path", "")
        self.swap(description)

    def swap(self, description: AnyOptimizer) -> None:
        """Step with this optimizer from now on; its state starts empty.

        Raises:
            UserError: it cannot step the model; the present optimizer stays.
        """
        self.torch_optimizer = optimizer_for(description, self._setup.model)
        self.description = description
        self.step = self._setup.fast_path.optimizer_step(self.torch_optimizer)

    def replace(self, description: AnyOptimizer, *, keep: bool) -> Averages:
        """Step with this optimizer from now on; with `keep` it takes from the state of the present one what fits.

        Returns:
            what became of that state; empty if there was none.

        Raises:
            UserError: it cannot step the model; the present optimizer stays.
        """
        present, state = self.description.model_dump(mode="json"), self.state_dict()
        had_state = has_tensors(self.torch_optimizer)
        self.swap(description)
        left = self._take(present, state) if keep else self._parameter_count
        if not had_state:
            return ""
        if left == self._parameter_count or not has_tensors(self.torch_optimizer):
            return "reset"
        return "partly kept" if left else "kept"

    @property
    def _parameter_count(self) -> int:
        return sum(len(group["params"]) for group in self.torch_optimizer.param_groups)

    def restore(self, description: dict[str, Any]) -> None:
        """Step with the optimizer so described, as a checkpoint holds it; its state starts empty."""
        self.swap(self._described(description))

    @property
    def scales(self) -> dict[str, float]:
        """The factor on the rate of each optimizer: none, the loop has one optimizer."""
        return {}

    def rate_of(self, name: str) -> float:
        """Refuse: there is one optimizer, without a name."""
        raise UserError(f"this run has one optimizer: leave out optimizer={name}")

    def scale(self, name: str, factor: float) -> float:
        """Refuse, as `rate_of`."""
        del factor
        return self.rate_of(name)

    def give_back_scales(self) -> None:
        """Do nothing: there are none."""

    def ignored_rate(self, step: int) -> str:
        """Return why a learning rate set now has no effect; empty if it has one."""
        if self.description.rate_matters or step == 0:
            return ""
        return f"{self.description.kind} ignores the learning rate after the first step"

    def set_lr(self, lr: float) -> None:
        """Set the learning rate of every parameter group, each in its ratio to the optimizer's own."""
        for group in self.torch_optimizer.param_groups:
            group["lr"] = lr * group["ratio"]

    def state_dict(self) -> dict[str, Any]:
        """Return torch's state dict; its tensors are the live ones."""
        return self.torch_optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load a copy of what `state_dict` returned, each tensor in the type it had; the settings in force stay.

        torch loads every tensor but `step` in the type of its parameter, also those that an optimizer keeps in another.
        """
        _load(self.torch_optimizer, state)

    def take_state(self, description: dict[str, Any], state: dict[str, Any]) -> str:
        """Take from the state of an optimizer so described what fits this one; the settings in force stay.

        Returns:
            what did not fit and starts empty, in words; empty if all did.
        """
        left, total = self._take(description, state), self._parameter_count
        if not left:
            return ""
        part = "" if left == total else f" for {left} of {total} parameters"
        mine, other = self.description.kind, description["kind"]
        return f"the saved state is of {other} and does not fit {mine}, which starts with an empty state{part}"

    def _take(self, description: dict[str, Any], state: dict[str, Any]) -> int:
        """Take what fits, as `take_state`. Returns the number of parameters whose state did not fit."""
        if self._is_alike(description):
            saved = _load(self.torch_optimizer, state)
            refresh(self.torch_optimizer, saved)
            return 0
        source = optimizer_for(self._described(description), self._setup.model)
        for group, own in zip(source.param_groups, _load(source, state), strict=True):
            group["lr"] = own["lr"]
        present = [group["lr"] for group in self.torch_optimizer.param_groups]
        self.swap(self.description)
        for group, lr in zip(self.torch_optimizer.param_groups, present, strict=True):
            group["lr"] = lr
        return transfer(self.torch_optimizer, source)

    def _described(self, description: dict[str, Any]) -> AnyOptimizer:
        """Return the optimizer that a checkpoint describes; code by import path only if the run began with it."""
        optimizer = _OPTIMIZERS.validate_python(description)
        path = getattr(optimizer, "path", "")
        if path and path != self._trusted:
            raise ValueError(
                f"the checkpoint names an optimizer that this run does not trust: optimizer.path = {path!r}"
            )
        return optimizer

    def parameters_of(self, description: dict[str, Any]) -> list[Parameter]:
        """Return the parameters of the model in the order of an optimizer so described."""
        groups = optimizer_for(self._described(description), self._setup.model).param_groups
        return [parameter for group in groups for parameter in group["params"]]

    def _is_alike(self, description: dict[str, Any]) -> bool:
        """Return whether an optimizer so described has the settings of this one in everything but the rate."""
        mine, other = self.description.model_dump(mode="json"), dict(description)
        for settings in (mine, other):
            settings.pop("lr", None)
        return mine == other


def _load(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> list[dict[str, Any]]:
    """Load a state into an optimizer that keeps its own settings. Returns the groups of settings that were saved."""
    own = [_settings(group) for group in optimizer.param_groups]
    optimizer.load_state_dict(copied(state))
    saved = [_settings(group) for group in optimizer.param_groups]
    for group, settings in zip(optimizer.param_groups, own, strict=True):
        for name in group.keys() - settings.keys() - {"params"}:
            del group[name]
        group.update(settings)
    _restore_types(optimizer.state_dict(), state)
    return saved


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != "params"}


def _restore_types(live: Any, saved: Any) -> None:
    """Replace in nested dicts and lists the tensors that were loaded in another type than they were saved in."""
    if isinstance(live, dict) and isinstance(saved, dict):
        pairs = [(key, live[key], saved[key]) for key in live if key in saved]
    elif isinstance(live, list) and isinstance(saved, list):
        pairs = [(index, *both) for index, both in enumerate(zip(live, saved, strict=False))]
    else:
        return
    for key, now, before in pairs:
        if not (isinstance(now, Tensor) and isinstance(before, Tensor)):
            _restore_types(now, before)
        elif now.dtype != before.dtype:
            live[key] = before.detach().to(now.device, copy=True)
