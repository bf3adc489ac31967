"""Build host specs that train runs again from the start, with other settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tui_trainer.config.preset import Preset, load
from tui_trainer.errors import UserError
from tui_trainer.host.spec import HostSpec, host_spec
from tui_trainer.runs.run_dir import read_about
from tui_trainer.session.base import Session
from tui_trainer.session.launch import launch


def rerun_spec(runs: Mapping[str, str], overrides: Sequence[str]) -> HostSpec:
    """The spec of a host that trains runs from their beginning once more, as new runs beside them.

    Args:
        runs: the folder of each run by the run's name.
        overrides: `KEY=VALUE`, the same for each run.

    Raises:
        UserError: a folder is not on this machine; a key or a value is not allowed; a run would run code.
    """
    folders = {name: Path(folder) for name, folder in runs.items()}
    for name, folder in folders.items():
        if not runs[name] or not (folder / "run.toml").is_file():
            raise UserError(f"not on this machine: the folder of run {name!r}; start it anew where it lies")
    configs = {name.partition("/")[2]: load(str(folder), overrides).first for name, folder in folders.items()}
    name, folder = next(iter(folders.items()))
    preset = str(read_about(folder).get("preset", "")) or folder.name
    directory = folder.parent.parent if "/" in name else folder.parent
    command = ["tui-trainer", "run", str(folder if len(folders) == 1 else preset), *overrides]
    return host_spec(Preset(preset, f"run {name!r}", configs), str(directory), None, command)


def rerun_session(runs: Mapping[str, str], overrides: Sequence[str]) -> Session:
    """A session with a new host that trains these runs once more, as `rerun_spec` has it. Errors as of that."""
    return launch(rerun_spec(runs, overrides)).session()
