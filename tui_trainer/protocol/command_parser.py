"""Commands as they are typed: a name, and KEY=VALUEs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import ValidationError

from tui_trainer.config.preset import parse_value
from tui_trainer.config.validation_errors import as_user_error
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.protocol.commands import AnyCommand, Command, SetOptimizer, SetScheduler

_OWN_TABLE: dict[type[Command], tuple[str, set[str]]] = {
    SetScheduler: ("scheduler", {"base"}),
    SetOptimizer: ("optimizer", set()),
}
"""Commands whose KEY=VALUEs are the fields of a component, and the few that are not."""


def commands_by_name() -> dict[str, type[AnyCommand]]:
    """Every command under every name that the command line knows it by."""
    classes = get_args(get_args(AnyCommand)[0])
    return {name: cls for cls in classes for name in cls.cli_names()}


def parse_command(name: str, values: Sequence[str]) -> AnyCommand:
    """The command of a name and its KEY=VALUEs. Raises `UserError` saying what is allowed."""
    known = commands_by_name()
    cls = known.get(name)
    if cls is None:
        shortest = sorted({cls.cli_names()[0] for cls in known.values()})
        raise UserError(f"send: no command {name!r}; {did_you_mean(name, shortest)}")
    fields: dict[str, Any] = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"send {name}: {text!r}: write KEY=VALUE")
        fields[key] = parse_value(value, key)
    own = _OWN_TABLE.get(cls)
    if own is not None:
        table, plain = own
        inner = {key: value for key, value in fields.items() if key not in plain}
        fields = {**{key: value for key, value in fields.items() if key in plain}, table: inner}
    forbidden = {"type", "id", "by", "run"} & fields.keys()
    if forbidden:
        raise UserError(f"send {name}: {', '.join(sorted(forbidden))}: not yours to set")
    try:
        return cls.model_validate(fields)
    except ValidationError as error:
        raise as_user_error(error, cls, f"send {name}") from None
