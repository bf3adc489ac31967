"""Parameter groups with multiples of the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch

from tui_trainer.components.optimizers.base import Named, Optimizer
from tui_trainer.engine.steps.state_transfer import members_of
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.optim.paired import Pair


def apply_groups(optimizer: torch.optim.Optimizer, choice: Optimizer, named: Named) -> None:
    """Divide the groups of an optimizer that has no state yet by the names of the parameters.

    Raises:
        UserError: a pattern matches no parameter, or the optimizer steps all of them as one.
    """
    if not choice.groups:
        return
    if choice.needs_closure:
        raise UserError(f"optimizer.groups: {choice.kind} steps all parameters as one; leave the groups out")
    group_of = _groups_of(choice, [name for name, _ in named])
    numbers = {id(parameter): group_of.get(name) for name, parameter in named}
    for member in members_of(optimizer):
        for group in list(member.param_groups):
            _divide(member, group, choice, numbers)
        member.param_groups[:] = [group for group in member.param_groups if group["params"]]
    if isinstance(optimizer, Pair):
        optimizer.param_groups = [group for member in optimizer.members for group in member.param_groups]


def _groups_of(choice: Optimizer, names: Sequence[str]) -> dict[str, int]:
    """Return the number of the group of each parameter that is in one: the first that matches."""
    found: dict[str, int] = {}
    for number, group in enumerate(choice.groups):
        matched = [name for name in names if fnmatchcase(name, group.match)]
        if not matched:
            raise UserError(
                f"optimizer.groups.{number}.match = {group.match!r}: matches no trained parameter; "
                f"{did_you_mean(group.match, names)}"
            )
        for name in matched:
            found.setdefault(name, number)
    return found


def _divide(
    optimizer: torch.optim.Optimizer, group: dict[str, Any], choice: Optimizer, numbers: dict[int, int | None]
) -> None:
    """Move the parameters of one group that are in a group of the user's own to groups of their own."""
    parameters = group["params"]
    settings = {name: value for name, value in group.items() if name != "params"}
    group["params"] = [parameter for parameter in parameters if numbers[id(parameter)] is None]
    for number, own in enumerate(choice.groups):
        chosen = [parameter for parameter in parameters if numbers[id(parameter)] == number]
        if chosen:
            optimizer.add_param_group(
                {**settings, "params": chosen, "lr": group["lr"] * own.lr_factor, "match": own.match}
            )


def rates_of(optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """Return the present learning rate of each group of the user's own, as `rate/<pattern>`."""
    return {f"rate/{group['match']}": float(group["lr"]) for group in optimizer.param_groups if "match" in group}
