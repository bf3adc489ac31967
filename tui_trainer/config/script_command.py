"""The command that starts the training script of a run again, from its run.toml."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui_trainer.config.toml import read_toml
from tui_trainer.errors import UserError
from tui_trainer.text import visible


def script_command(table: Mapping[str, Any]) -> str:
    """Return how the script of a run that a script made is started, as it is typed."""
    script = table.get("script")
    script = script if isinstance(script, dict) else {}
    command = script.get("command")
    words = shlex.join(map(str, command)) if isinstance(command, list) else "the script"
    if script.get("watched"):
        metrics = script.get("metrics")
        options = [f"--metric={each}" for each in metrics] if isinstance(metrics, list) else []
        words = f"{shlex.join(['tui-trainer', 'watch', *options, '--'])} {words}"
    directory = script.get("directory")
    return visible(f"cd {shlex.quote(directory)} && {words}" if isinstance(directory, str) and directory else words)


def script_command_of(folder: str) -> str:
    """Return the command for the run in a folder; empty where its run.toml cannot be read."""
    try:
        return script_command(read_toml(Path(folder, "run.toml")))
    except UserError:
        return ""
