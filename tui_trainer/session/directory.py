"""Finding runs, and joining them: the catalogue of the home screen, and what `attach` and `open` use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.errors import UserError
from tui_trainer.paths import runs_dir, socket_dir
from tui_trainer.runs.listing import RunInfo, describe, find_run, is_run, list_runs
from tui_trainer.session.catalogue import PresetInfo, list_presets

# Lists are there before anything that speaks the protocol is imported.
if TYPE_CHECKING:
    from tui_trainer.session.base import Session


def join(info: RunInfo, *, can_steer: bool = True) -> Session:
    """A session with the run's host where it lives here, else with its folder."""
    from tui_trainer.session.client import ClientSession, SocketLink
    from tui_trainer.session.replay import ReplaySession

    if info.live and info.socket:
        link = SocketLink(Path(info.socket))
        try:
            link.connect()
            return ClientSession(link, can_steer=can_steer)
        except OSError:
            pass
    return ReplaySession(Path(info.path))


def folder_of(name: str, directory: Path) -> Path:
    """The folder of a run, by path or by name."""
    path = Path(name)
    if path.is_dir() and is_run(path):
        return path
    if path.exists() and not path.is_dir():
        raise UserError(f"{name!r} is not a run folder")
    return Path(find_run(name, directory).path)


def find_live(name: str, option: str | None) -> RunInfo:
    """The live run of a name: in the runs directory, else among all hosts of this user that listen on this machine.

    An empty name means the newest. Raises `UserError` where there is none.
    """
    directory = runs_dir(option)
    try:
        return find_run(name or "last", directory, live=True)
    except UserError as missing:
        if option is not None or "/" in name:
            raise
        elsewhere = [info for info in _listening() if not name or name == "last" or info.name.startswith(name)]
        if not elsewhere:
            raise UserError(_why_not(name, directory) or str(missing)) from None
        return max(elsewhere, key=lambda info: info.started)


def _listening() -> list[RunInfo]:
    """Live runs of this user wherever their folders are: each host leaves a note beside its socket."""
    found: list[RunInfo] = []
    for note in socket_dir().glob("*.json"):
        try:
            paths = [Path(str(path)) for path in json.loads(note.read_text())["runs"]]
            found += [info for path in paths if (info := describe(path)).live]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _why_not(name: str, directory: Path) -> str:
    """What to do where the run is there and not live."""
    try:
        info = find_run(name or "last", directory)
    except UserError:
        return ""
    there = f"run {info.name!r} is {info.status}, not live"
    return f"{there}; `tui-trainer open {info.name}` shows it" if name else f"no live run in {directory}"


class Directory:
    """The catalogue of one runs directory."""

    def __init__(self, directory: str | None = None, command: Sequence[str] = ("tui-trainer",)) -> None:
        self._option = directory
        self._command = command

    def presets(self) -> list[PresetInfo]:
        """Every preset, grouped."""
        return list_presets()

    def runs(self) -> list[RunInfo]:
        """Every run, live ones first."""
        return list_runs(runs_dir(self._option))

    def start(self, preset: str) -> Session:
        """Start a host for the preset and join it."""
        # The models of a configuration cost as much to import as all of a dashboard.
        from tui_trainer.config.preset import load
        from tui_trainer.session.launch import host_spec, launch

        spec = host_spec(load(preset), self._option, None, [*self._command, "run", preset])
        return launch(spec).session()

    def join(self, run: RunInfo) -> Session:
        """Join a live run, or open a finished one."""
        return join(run)
