"""Changes of an optimizer: the settings that were named change, the others stay."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tui_trainer.components.optimizers.base import Optimizer
from tui_trainer.components.optimizers.first_order import Adam, AdamW, AnyOptimizer, NAdam, RAdam

_ADAM = (Adam, AdamW, NAdam, RAdam)
"""Kinds that keep the same averages, so that their settings mean the same."""
_COMMON = ("lr", "weight_decay", "groups")
"""Settings that mean about the same to every kind that has them."""


def changed_settings(asked: Optimizer, present: Optimizer | None) -> tuple[str, ...]:
    """Return the settings in which an optimizer differs from the present one: all of them if it is of another kind."""
    same = type(asked) is type(present)
    names = [name for name, value in asked if name != "kind" and not (same and value == getattr(present, name))]
    return tuple(name for name in names if same or name != "groups" or asked.groups)


def with_named(present: AnyOptimizer, asked: AnyOptimizer, named: Collection[str], rate: float) -> AnyOptimizer:
    """Return the present optimizer with the named settings of the one that was asked for.

    Another kind starts with its own defaults, except for the settings that both have: learning rate and weight decay,
    and between the kinds of Adam's family every setting.

    Args:
        rate: the learning rate in force, which another kind keeps if `lr` is not named.
    """
    fields = {name: value for name, value in asked if name in named or name == "kind"}
    if type(asked) is type(present):
        kept: dict[str, Any] = dict(present)
    else:
        related = isinstance(asked, _ADAM) and isinstance(present, _ADAM)
        kept = {name: value for name, value in present if name in type(asked).model_fields}
        kept = {name: value for name, value in kept.items() if related or name in _COMMON}
        kept["lr"] = rate if rate > 0 else present.lr
        kept = {**dict(asked), **kept}
    return type(asked).model_validate({**kept, **fields})
