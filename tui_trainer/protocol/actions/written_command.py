"""A command as a preset holds it: in the words that `send` takes, or as a table."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tui_trainer.errors import UserError
from tui_trainer.protocol.command_parser import RESERVED, parse_command
from tui_trainer.protocol.commands import ALL_RUNS, AnyCommand, SetOptimizer, SetScheduler


def written_command(command: AnyCommand) -> str | dict[str, Any]:
    """Return a command as a preset holds it: a line where that gives the same command, else a table."""
    bare = command.model_copy(update={"id": "", "by": "", "actor": "", "run": ALL_RUNS, "because": ""})
    words = _words(bare)
    try:
        if parse_command(words[0], words[1:]) == bare:
            return shlex.join(words)
    except UserError:
        pass  # a value that cannot be typed
    return bare.model_dump(mode="json", exclude_none=True, exclude=set(RESERVED - {"type"}))


def _words(command: AnyCommand) -> list[str]:
    """Return the words that `send` would take for a command."""
    match command:
        case SetOptimizer(optimizer=optimizer, named=named):
            settings = optimizer.model_dump(mode="json")
            fields = {"kind": optimizer.kind, **{name: settings.get(name) for name in named or ()}}
        case SetScheduler(scheduler=scheduler, base=base):
            fields = {"kind": scheduler.kind, **scheduler.model_dump(mode="json", exclude_defaults=True)}
            fields |= {"base": base} if base is not None else {}
        case _:
            fields = command.model_dump(mode="json", exclude_defaults=True, exclude=set(RESERVED))
    return [command.cli_names()[0], *(f"{name}={typed(value)}" for name, value in fields.items())]


def typed(value: Any) -> str:
    """Return a value as it is typed after KEY=."""
    return value if isinstance(value, str) else json.dumps(value)
