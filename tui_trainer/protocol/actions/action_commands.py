"""The actions of a preset as commands, parsed and checked for a run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import ValidationError

from tui_trainer.config.action import PresetAction
from tui_trainer.config.validation_errors import as_user_error
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.protocol.command_parser import RESERVED, parse_command
from tui_trainer.protocol.commands import (
    ALL_RUNS,
    GUARD,
    AnyCommand,
    Command,
    GiveWheel,
    Note,
    Pause,
    Race,
    Redo,
    Resume,
    RunAction,
    StepOnce,
    Stop,
    TakeRace,
    TakeWheel,
    Undo,
    is_intervention,
)
from tui_trainer.text import visible

PRESET = "the preset"
"""Sender of the actions of a preset."""
_ID_PREFIX = "action-"
_WAITING = (Pause, Resume, StepOnce, Race, TakeRace)
_CLASSES: dict[str, type[Command]] = {cls.__name__: cls for cls in get_args(get_args(AnyCommand)[0])}


def action_commands(actions: Sequence[PresetAction], source: str = "") -> list[AnyCommand]:
    """Return the command of each action, in their order.

    Args:
        actions: of a configuration.
        source: named in errors.

    Raises:
        UserError: a command is not valid, or not one for a preset; the message names the key.
    """
    where = f"{source}: " if source else ""
    return [_parsed(action, index, f"{where}actions.{index}.command") for index, action in enumerate(actions)]


def is_action(command: AnyCommand) -> bool:
    """Return whether a command is an action of the preset that the run was made from."""
    return command.by == PRESET and command.id.startswith(_ID_PREFIX)


def index_of(command: AnyCommand) -> int:
    """Return the position of an action in its preset."""
    return int(command.id.removeprefix(_ID_PREFIX))


def takes_over(command: AnyCommand) -> bool:
    """Return whether a command takes the wheel from the actions: one that steers, and is none of them."""
    if command.by == GUARD:
        return False
    return not is_action(command) and (is_intervention(command) or isinstance(command, (Stop, Undo, Redo, RunAction)))


def _parsed(action: PresetAction, index: int, key: str) -> AnyCommand:
    if not action.command:
        command: AnyCommand = Note(text=action.say)
    elif isinstance(action.command, str):
        command = _from_line(action.command, key)
    else:
        command = _from_table(action.command, key)
    if isinstance(command, _WAITING):
        raise UserError(
            f"{key}: {command.cli_names()[0]} is for a screen; without one the run would wait for ever. "
            "To slow a run down set training.steps_per_second"
        )
    if isinstance(command, TakeWheel | GiveWheel):
        raise UserError(f"{key}: {command.cli_names()[0]} is for those who watch a run; a preset steers without it")
    if isinstance(command, RunAction):
        raise UserError(f"{key}: {command.cli_names()[0]} is for a training script that declares actions")
    said = {"because": action.say} if action.say and action.command else {}
    return command.model_copy(update={"by": PRESET, "id": f"{_ID_PREFIX}{index}", "run": ALL_RUNS, **said})


def _from_line(line: str, key: str) -> AnyCommand:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UserError(f"{key}: {line!r}: {str(error).lower()}") from None
    if not words:
        raise UserError(f'{key}: empty; write for example "set-lr factor=0.1"')
    try:
        return parse_command(words[0], words[1:])
    except UserError as error:
        raise UserError(f"{key}: {str(error).removeprefix('send').lstrip(': ')}") from None


def _from_table(table: dict[str, Any], key: str) -> AnyCommand:
    name = table.get("type")
    cls = _CLASSES.get(name) if isinstance(name, str) else None
    if cls is None:
        given = visible(repr(name)[:80])
        raise UserError(f"{key}.type: no command {given}; {did_you_mean(str(name), list(_CLASSES))}")
    try:
        return cls.model_validate(table)  # pyright: ignore[reportReturnType]
    except ValidationError as error:
        raise as_user_error(error, cls, key, hidden=RESERVED) from None
