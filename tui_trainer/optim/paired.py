"""A pair of torch optimizers over one model, stepped and saved as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class Pair(torch.optim.Optimizer):
    """A pair of optimizers, each with its own parameters; the groups are concatenated."""

    def __init__(self, first: torch.optim.Optimizer, second: torch.optim.Optimizer) -> None:
        self.members = (first, second)
        super().__init__([*first.param_groups, *second.param_groups], {})
        # The base class made its own copies of the groups: list the members' own, so that a rate set here reaches them.
        self.param_groups = [*first.param_groups, *second.param_groups]

    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Step both optimizers."""
        for member in self.members:
            member.step(closure)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients of both."""
        for member in self.members:
            member.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both, by position."""
        return {"members": [member.state_dict() for member in self.members]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        for member, state in zip(self.members, state_dict["members"], strict=True):
            member.load_state_dict(state)
        self.param_groups = [group for member in self.members for group in member.param_groups]
