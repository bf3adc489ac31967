"""A steered run as a preset: its configuration, and its interventions as actions at their steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tomli_w

from tui_trainer.config.action import MAX_SAID, PresetAction
from tui_trainer.config.preset import dump, load
from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError
from tui_trainer.protocol.actions.written_command import written_command
from tui_trainer.protocol.commands import AnyCommand, Note, Stop, sets_guards
from tui_trainer.protocol.events import RunStarted
from tui_trainer.runs.comparing.interventions import commands_with_saves
from tui_trainer.runs.history import RunHistory, read_history
from tui_trainer.text import visible


@dataclass(frozen=True, slots=True)
class BakedPreset:
    """A preset that repeats a run.

    Attributes:
        text: the TOML file.
        actions: number of its actions.
    """

    text: str
    actions: int


def bake(folder: Path, name: str) -> BakedPreset:
    """Return the preset that repeats a run without a driver; what was undone is left out.

    Of a run that has not ended it trains to the end of its epochs.

    Args:
        folder: the directory of the run.
        name: of the run, named in the first line.

    Raises:
        UserError: the run was made by a training script, or its files cannot be read.
    """
    config, history, _ = read_begun(folder, name)
    script = [pair for pair in commands_with_saves(history) if not sets_guards(pair[1])]
    actions = tuple(_action(step, command) for step, command in script)
    settings = config.model_copy(update={"actions": (), "guards": (), "drill": None})
    repeats = f"its {len(actions)} interventions" if len(actions) != 1 else "its intervention"
    first = f"# Run {name}, baked: the same settings"
    first += f", and {repeats} as [[actions]]." if actions else "; nothing was done to it."
    return BakedPreset("\n".join([visible(first), "", dump(settings), *map(_table, actions)]), len(actions))


def write_new(path: Path, named: str, text: str) -> None:
    """Write a file that must not exist yet.

    Raises:
        UserError: it exists, or cannot be written; `named` names it.
    """
    try:
        with open(path, "xb") as file:
            file.write(text.encode())
    except FileExistsError:
        raise UserError(f"{named} exists and was not changed: name another file") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UserError(f"{named} cannot be written: {reason}") from None


def _action(step: int, command: AnyCommand) -> PresetAction:
    if isinstance(command, Note) and not command.because and len(command.text) <= MAX_SAID:
        return PresetAction(step=step, say=command.text)
    if isinstance(command, Stop):  # by whom it was stopped is no part of what is repeated
        command = command.model_copy(update={"reason": "stopped"})
    return PresetAction(step=step, command=written_command(command), say=command.because)


def _table(action: PresetAction) -> str:
    """Return an action as a table of an array, with a table below it for a command that cannot be typed."""
    table = action.model_dump(mode="json", exclude_none=True)
    below = {"actions": {"command": table.pop("command")}} if isinstance(action.command, dict) else {}
    return f"[[actions]]\n{tomli_w.dumps(table)}{tomli_w.dumps(below)}"


def read_begun(folder: Path, name: str) -> tuple[RunConfig, RunHistory, RunStarted]:
    """Return the configuration, the history and the start of a run.

    Args:
        folder: the directory of the run.
        name: of the run.

    Raises:
        UserError: its files cannot be read, or it has not begun to train.
    """
    config = load(str(folder.absolute())).first
    try:
        history = read_history(folder / "events.jsonl")
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if history.started is None:
        raise UserError(f"run {name!r} has not begun to train; it has nothing to repeat yet")
    return config, history, history.started
