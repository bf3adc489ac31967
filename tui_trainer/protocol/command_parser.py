"""Parse commands as they are typed: a name and KEY=VALUEs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import ValidationError

from tui_trainer.config.typed_values import TypedValue, validated
from tui_trainer.config.validation_errors import as_user_error
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.protocol.commands import AnyCommand, Command, Race, SetOptimizer, SetScheduler, TakeRace
from tui_trainer.protocol.race.lines import parse_race, race_values, take_values

_COMPONENT_FIELDS: dict[type[Command], tuple[str, set[str]]] = {
    SetScheduler: ("scheduler", {"base", "because"}),
    SetOptimizer: ("optimizer", {"because"}),
}
"""Commands whose KEY=VALUEs are the fields of a component, with the keys that belong to the command itself."""
RESERVED = frozenset({"type", "id", "by", "actor", "run"})
"""Fields that the host and the program set, never the user."""


def commands_by_name() -> dict[str, type[AnyCommand]]:
    """Return every command class by each of its names on the command line."""
    classes = get_args(get_args(AnyCommand)[0])
    return {name: cls for cls in classes for name in cls.cli_names()}


def parse_command(name: str, values: Sequence[str]) -> AnyCommand:
    """Parse a command. Raises `UserError` with the nearest allowed name or key."""
    commands = commands_by_name()
    cls = commands.get(name)
    if cls is None:
        shortest = sorted({cls.cli_names()[0] for cls in commands.values()})
        raise UserError(f"send: no command {name!r}; {did_you_mean(name, shortest)}")
    if cls is Race:
        values = race_values(values)
    elif cls is TakeRace:
        values = take_values(values)
    typed: list[TypedValue] = []
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"send {name}: {text!r} is not KEY=VALUE")
        typed.append(TypedValue.of([key], value))
    reserved = RESERVED & {each.path[0] for each in typed}
    if reserved:
        raise UserError(f"send {name}: reserved field{'s' if len(reserved) > 1 else ''}: {', '.join(sorted(reserved))}")
    component = _COMPONENT_FIELDS.get(cls)

    def validate(values: Sequence[Any]) -> AnyCommand:
        fields: dict[str, Any] = {each.path[0]: value for each, value in zip(typed, values, strict=True)}
        if component is not None:
            field, own_keys = component
            own = {key: value for key, value in fields.items() if key in own_keys}
            fields = {**own, field: {key: value for key, value in fields.items() if key not in own_keys}}
        if cls is SetOptimizer:
            fields["named"] = tuple(key for key in fields["optimizer"] if key != "kind")
        return cls.model_validate(fields)

    try:
        return parse_race(validated(validate, typed), parse_command)
    except ValidationError as error:
        raise as_user_error(error, cls, f"send {name}", hidden=RESERVED) from None
