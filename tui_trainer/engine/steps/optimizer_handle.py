"""The optimizer of a run: the torch object, its description, and how a learning rate reaches it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.engine.setup import TrainingSetup, optimizer_for


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
        self.swap(description)

    def swap(self, description: AnyOptimizer) -> None:
        """Step with this optimizer from now on; its state starts empty.

        Raises:
            UserError: it cannot step the model; the present optimizer stays.
        """
        self.torch_optimizer = optimizer_for(description, self._setup.model)
        self.description = description
        self.step = self._setup.fast_path.optimizer_step(self.torch_optimizer)

    def set_lr(self, lr: float) -> None:
        """Set the learning rate of every parameter group, each in its ratio to the optimizer's own."""
        for group in self.torch_optimizer.param_groups:
            group["lr"] = lr * group["ratio"]

    def accepts_state_of(self, description: dict[str, Any]) -> bool:
        """Return whether the state of an optimizer so described fits this one: alike in everything but the rate."""
        mine, other = self.description.model_dump(mode="json"), dict(description)
        for settings in (mine, other):
            settings.pop("lr", None)
        return mine == other

    def state_dict(self) -> dict[str, Any]:
        """Return torch's state dict; its tensors are the live ones."""
        return self.torch_optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load a copy of what `state_dict` returned, each tensor in the type it had.

        torch loads every tensor but `step` in the type of its parameter, also those that an optimizer keeps in another.
        """
        self.torch_optimizer.load_state_dict(copied(state))
        _restore_types(self.torch_optimizer.state_dict(), state)


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
