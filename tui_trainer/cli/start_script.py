"""Start the script of a run again, with the interventions at their steps, and compare the curves."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tui_trainer.config.script_command import script_command
from tui_trainer.config.toml import read_toml
from tui_trainer.errors import UserError
from tui_trainer.paths import new_run_name, writable_runs_dir
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.runs.comparing.interventions import commands_by_step
from tui_trainer.runs.history import RunHistory, first_difference, read_history
from tui_trainer.runs.run_dir import read_about, recorded_processes
from tui_trainer.state.series_names import LOADS, group_of

KIND = "script"
ENVIRONMENT = "TUI_TRAINER_REPLAY"
"""Tells the monitor of the script what to apply, and where its run goes."""


def script_of(path: Path) -> dict[str, Any] | None:
    """Return the run.toml of a run that a script made; None for any other run."""
    try:
        table = read_toml(path / "run.toml")
    except UserError:
        return None
    return table if table.get("kind") == KIND else None


def replay_script(info: RunInfo, history: RunHistory, runs_dir: str | None, *, trust: bool) -> Path:
    """Start the script of a run again, wait for its end, and return the folder of the replay.

    Raises:
        UserError: the run is live, has no step, is not trusted, or the script made no run.
    """
    path = Path(info.path).absolute()
    table = script_of(path) or {}
    if info.live:
        raise UserError(f"run {info.name!r} is live; it can be replayed when it is over")
    if not history.last_step:
        raise UserError(f"run {info.name!r} has no steps to compare")
    if not trust:
        raise UserError(f"run {info.name!r} would start a script: {script_command(table)}; allow it with --trust")
    script = table.get("script", {})
    if script.get("watched"):
        again = f"tui-trainer watch -- {shlex.join(map(str, script.get('command', [])))}"
        raise UserError(f"run {info.name!r} was watched, and nothing in its script replays it; train it again: {again}")
    command, directory = list(map(str, script.get("command", []))), str(script.get("directory", ""))
    command = in_processes(command, recorded_processes(read_about(path)))
    target = writable_runs_dir(runs_dir).absolute() / new_run_name(f"replay-{info.preset or path.name}")
    asked = {
        "path": str(target),
        "title": f"Replay of {info.name}",
        "script": [[step, one.model_dump(mode="json")] for step, one in commands_by_step(history)],
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "replay.json")
        file.write_text(json.dumps(asked))
        try:
            done = subprocess.run(
                command, cwd=directory or None, env={**os.environ, ENVIRONMENT: str(file)}, check=False
            )
        except (OSError, IndexError) as error:
            raise UserError(f"the script cannot be started: {script_command(table)}: {error}") from None
    if not target.is_dir():
        raise UserError(f"the script ended with exit code {done.returncode} and made no run: {script_command(table)}")
    return target


def in_processes(command: list[str], count: int) -> list[str]:
    """Return the command that starts a script in so many processes, by torchrun."""
    if count == 1 or not command:
        return command
    launcher = [command[0], "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return [*launcher, "--no-python", *command]


def compare_scripts(original: RunHistory, replay: Path) -> tuple[bool, list[str]]:
    """Compare a replay with its original: whether every number is the same, and the result in lines."""
    again = read_history(replay / "events.jsonl")
    last, reached = original.last_step, again.last_step
    if original.finished is None or reached < last:
        for history in (original, again):
            history.rows = {step: row for step, row in history.rows.items() if step < min(last, reached)}
    for history in (original, again):  # how long a loader is waited for is no property of the training
        for row in history.rows.values():
            for name in [name for name in row if group_of(name) in LOADS]:
                del row[name]
    difference = first_difference(original, again)
    if difference:
        return False, [difference, "a script is identical only where its seeds are set before the loop"]
    if reached < last:
        return False, [f"identical over the first {reached:,} of {last:,} steps; the replay ended there"]
    return True, [f"identical over {last:,} steps"]
