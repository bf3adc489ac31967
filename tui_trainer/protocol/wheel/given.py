"""The permissions that the environment gives a process which trains without a preset: a script with a Monitor."""

from __future__ import annotations

import os

from pydantic import ValidationError

from tui_trainer.config.permissions.allow import Allow, as_overrides
from tui_trainer.config.typed_values import TypedValue, validated
from tui_trainer.config.validation_errors import as_user_error
from tui_trainer.errors import UserError
from tui_trainer.protocol.wheel.allowed import check_names

VARIABLE = "TUI_TRAINER_ALLOW"
"""Holds rules as `--allow` takes them, separated by semicolons."""


def parse_allow(rules: tuple[str, ...], source: str) -> Allow:
    """Return the permissions of rules as `--allow` takes them: `agent=set-lr,pause`, `agent.factor=3`.

    Raises:
        UserError: a rule is not KEY=VALUE, or names a key, a value or a command that does not exist.
    """
    typed: list[TypedValue] = []
    for text in as_overrides(rules):
        key, equals, value = text.partition("=")
        path = key.split(".")[1:]
        if not equals or not all(path) or len(path) > 3:
            raise UserError(f"{source}: {text.removeprefix('allow.')!r}: write KIND=COMMANDS, or KIND.RULE=VALUE")
        typed.append(TypedValue.of(path, value))

    def validate(values: object) -> Allow:
        table: dict[str, object] = {}
        for one, value in zip(typed, values, strict=True):  # type: ignore[call-overload]
            place: dict[str, object] = table
            for part in one.path[:-1]:
                place = place.setdefault(part, {})  # type: ignore[assignment]
            place[one.path[-1]] = value
        return Allow.model_validate(table)

    try:
        allow = validated(validate, typed)
    except ValidationError as error:
        raise as_user_error(error, Allow, source) from None
    check_names(allow, source)
    return allow


def given_allow() -> Allow:
    """Return the permissions of the environment. Raises `UserError` for rules that are not valid."""
    rules = tuple(rule.strip() for rule in os.environ.get(VARIABLE, "").split(";") if rule.strip())
    return parse_allow(rules, VARIABLE).found_in(VARIABLE) if rules else Allow()
