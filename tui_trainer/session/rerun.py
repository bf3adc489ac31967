"""Build the host spec of a rerun: train runs again from the start, with other settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tui_trainer.config.preset import Preset, load
from tui_trainer.errors import UserError
from tui_trainer.host.spec import HostSpec, held, host_spec
from tui_trainer.protocol.commands import Note
from tui_trainer.runs.run_dir import read_about
from tui_trainer.session.base import Session
from tui_trainer.session.launch import launch


def rerun_spec(runs: Mapping[str, str], overrides: Sequence[str], notes: Sequence[str] = ()) -> HostSpec:
    """Return the spec of a host that trains runs again as new runs in the same runs directory.

    Args:
        runs: directory of each run by name.
        overrides: `KEY=VALUE`, the same for every run.
        notes: texts that each journal begins with.

    Raises:
        UserError: a directory is not on this machine, a key or value is invalid, or a run imports the user's own code.
    """
    folders = {name: Path(folder) for name, folder in runs.items()}
    for name, folder in folders.items():
        if not runs[name] or not (folder / "run.toml").is_file():
            raise UserError(f"run {name!r} has no folder on this machine; rerun it there")
    configs = {name.partition("/")[2]: load(str(folder), overrides).first for name, folder in folders.items()}
    name, folder = next(iter(folders.items()))
    preset = str(read_about(folder).get("preset", "")) or folder.name
    directory = folder.parent.parent if "/" in name else folder.parent
    command = ["tui-trainer", "run", str(folder if len(folders) == 1 else preset), *overrides]
    spec = host_spec(Preset(preset, f"run {name!r}", configs), str(directory), None, command)
    if not notes:
        return spec
    first = tuple(Note(text=text, by="tui-trainer", id=f"note-{index}") for index, text in enumerate(notes))
    return spec.model_copy(update={"runs": tuple(run.model_copy(update={"commands": first}) for run in spec.runs)})


def rerun_session(
    runs: Mapping[str, str], overrides: Sequence[str], notes: Sequence[str] = (), *, hold: bool = False
) -> Session:
    """Start the host of `rerun_spec` and return a session with it. Raises the same errors.

    Args:
        hold: let the runs wait before their first batch, as in a lesson.
    """
    spec = rerun_spec(runs, overrides, notes)
    return launch(held(spec) if hold else spec).session()
