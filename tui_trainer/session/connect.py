"""Finding runs, and joining them: the catalogue of the home screen, and what `attach` and `open` use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_trainer.config.preset_library import preset_tables
from tui_trainer.errors import UserError
from tui_trainer.paths import runs_dir, socket_dir
from tui_trainer.runs.catalog import RunInfo, describe, find_run, find_runs, list_runs
from tui_trainer.session.catalog import LessonInfo, PresetInfo, list_presets

# Lists are there before anything that speaks the protocol is imported.
if TYPE_CHECKING:
    from tui_trainer.config.lesson import Lesson
    from tui_trainer.session.base import Session


def list_lessons() -> list[LessonInfo]:
    """The presets that show a row of the lecture, in the order of their first rows."""
    found = [
        LessonInfo(
            name=name,
            title=str(table.get("title", name)),
            group=str(table.get("group", "")),
            lesson=_lesson(table["lesson"], name),
            variants=tuple(str(variant.get("name", "")) for variant in table.get("variant", [])),
        )
        for name, table in preset_tables().items()
        if "lesson" in table
    ]
    return sorted(found, key=lambda info: (info.lesson.rows[0], info.name))


def _lesson(table: Any, name: str) -> Lesson:
    from pydantic import ValidationError

    from tui_trainer.config.lesson import Lesson
    from tui_trainer.config.validation_errors import as_user_error

    try:
        return Lesson.model_validate(table)
    except ValidationError as error:
        raise as_user_error(error, Lesson, f"preset {name}", "lesson") from None


def join(info: RunInfo, *, can_steer: bool = True) -> Session:
    """A session with the run's host where it lives here, else with its folder."""
    from tui_trainer.session.finished_run import JournalSession
    from tui_trainer.session.socket_session import ClientSession, SocketLink

    if info.live and info.socket:
        link = SocketLink(Path(info.socket))
        from tui_trainer.session.exit_reason import exit_reason, memory_kills

        try:
            link.connect()
            folders, kills = _runs_beside(Path(info.socket)) or (info.path,), memory_kills()
            return ClientSession(
                link,
                can_steer=can_steer,
                epitaph=lambda: exit_reason(None, kills, [Path(folders[0]) / "host.log"]),
                folders=folders,
            )
        except OSError:
            pass
    return JournalSession(Path(info.path))


def folders_of(name: str, directory: Path) -> list[Path]:
    """The folder of a run, by path or by name; of a set all of its runs, in the order in which they began."""
    path = Path(name)
    if path.exists() and not path.is_dir():
        raise UserError(f"{name!r} is not a run folder")
    return [Path(info.path) for info in find_runs(name, directory)]


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
    from tui_trainer.host.server import answers

    found: list[RunInfo] = []
    for note in socket_dir().glob("*.json"):
        for folder in map(Path, _runs_beside(note)):
            if folder.exists():
                found += [info for info in [describe(folder)] if info.live]
            elif answers(listener := note.with_suffix(".sock")):  # its folder was taken away, and it trains on
                found.append(RunInfo(folder.name, str(folder), "running", socket=str(listener)))
    return found


def _runs_beside(socket: Path) -> tuple[str, ...]:
    """The run folders of the host that listens on a socket, as its note says; none where there is no note."""
    try:
        return tuple(str(path) for path in json.loads(socket.with_suffix(".json").read_text())["runs"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()


def _why_not(name: str, directory: Path) -> str:
    """What to do where the run is there and not live."""
    try:
        info = find_run(name or "last", directory)
    except UserError:
        return ""
    there = f"run {info.name!r} is {info.status}, not live"
    return f"{there}; `tui-trainer open {info.name}` shows it" if name else f"no live run in {directory}"


class RunDirectory:
    """The catalogue of one runs directory."""

    def __init__(self, directory: str | None = None, command: Sequence[str] = ("tui-trainer",)) -> None:
        self._option = directory
        self._command = command

    def presets(self) -> list[PresetInfo]:
        """Every preset, grouped."""
        return list_presets()

    def lessons(self) -> list[LessonInfo]:
        """Every lesson of the lecture."""
        return list_lessons()

    def runs(self) -> list[RunInfo]:
        """Every run, live ones first."""
        return list_runs(runs_dir(self._option))

    def start(self, preset: str) -> Session:
        """Start a host for the preset and join it."""
        # The models of a configuration cost as much to import as all of a dashboard.
        from tui_trainer.config.preset import load
        from tui_trainer.host.spec import host_spec
        from tui_trainer.session.launch import launch

        spec = host_spec(load(preset), self._option, None, [*self._command, "run", preset])
        return launch(spec).session()

    def join(self, run: RunInfo) -> Session:
        """Join a live run, or open a finished one."""
        return join(run)
