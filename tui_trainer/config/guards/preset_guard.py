"""A guard of a preset: a rule in one line that the run applies by itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from tui_trainer.errors import UserError
from tui_trainer.guards.grammar import parse_conditions, parse_rule

MAX_GUARDS = 50
MEASURED = ("lr", "grad_norm", "update_ratio", "step_quality", "gradient_cosine", "suboptimality")
"""Series of the built-in loop that are no metrics of the task."""


def _text(given: object) -> object:
    if not isinstance(given, str):
        raise ValueError('must be a line, as in rule = "when val_loss rises 3 epochs: lr x0.5"')
    return given


class PresetGuard(BaseModel):
    """A guard with its name."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    rule: Annotated[str, BeforeValidator(_text)]
    """`when CONDITION: ACTION`, for example `when val_loss rises 3 epochs: lr x0.5, at most 2 times`."""
    name: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,39})?$", exclude_if=lambda name: not name)] = ""
    """Name of the guard; without one it is called after its number."""

    @field_validator("rule")
    @classmethod
    def _valid(cls, rule: str) -> str:
        try:
            return str(parse_rule(rule))
        except UserError as error:
            raise ValueError(str(error)) from None


def check_conditions(conditions: Sequence[str], known: Collection[str]) -> None:
    """Raise `ValueError` if the condition of an action compares a metric that is not measured; empty ones pass."""
    for index, condition in enumerate(conditions):
        try:
            parse_conditions(condition, {*known, *MEASURED}) if condition else None
        except UserError as error:
            raise ValueError(f"actions.{index}.when: {error}") from None


def check_guards(guards: Sequence[PresetGuard], known: Collection[str]) -> None:
    """Raise `ValueError` if there are too many guards, two of one name, or one compares a metric that is not measured.

    Args:
        known: names of the metrics of the run.
    """
    if len(guards) > MAX_GUARDS:
        raise ValueError(f"guards: {len(guards)} are too many; at most {MAX_GUARDS}")
    names = [guard.name for guard in guards if guard.name]
    for index, guard in enumerate(guards):
        if guard.name and names.count(guard.name) > 1:
            raise ValueError(f"guards.{index}.name: {guard.name!r} is used twice; give each guard its own name")
        try:
            parse_rule(guard.rule, {*known, *MEASURED})
        except UserError as error:
            raise ValueError(f"guards.{index}.rule: {error}") from None
