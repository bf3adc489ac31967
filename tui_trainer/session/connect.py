"""Find runs and connect to them: the catalog behind the home screen, `attach` and `open`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_trainer.config.preset_library import preset_tables
from tui_trainer.errors import UserError
from tui_trainer.paths import runs_dir, socket_dirs
from tui_trainer.runs.catalog import RunInfo, find_run, find_runs, list_runs, read_run_info
from tui_trainer.session.catalog import LessonInfo, PresetInfo, list_presets

# Listing runs does not import the models of the protocol, so that the home screen appears quickly.
if TYPE_CHECKING:
    from tui_trainer.config.lesson import Lesson
    from tui_trainer.session.base import Session


def list_lessons() -> list[LessonInfo]:
    """Return the lesson presets, in the order of the lecture."""
    lessons = [
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
    return sorted(lessons, key=lambda info: (info.lesson.rows[0], info.name))


def _lesson(table: Any, name: str) -> Lesson:
    from pydantic import ValidationError

    from tui_trainer.config.lesson import Lesson
    from tui_trainer.config.validation_errors import as_user_error

    try:
        return Lesson.model_validate(table)
    except ValidationError as error:
        raise as_user_error(error, Lesson, f"preset {name}", "lesson") from None


def join(info: RunInfo, *, can_steer: bool = True) -> Session:
    """Return a session with the run's host if it runs on this machine, else with the run directory."""
    from tui_trainer.session.finished_run import JournalSession
    from tui_trainer.session.socket_session import ClientSession, SocketLink

    if info.live and info.socket:
        link = SocketLink(Path(info.socket))
        from tui_trainer.session.exit_reason import exit_reason, memory_kills

        try:
            link.connect()
            folders, kills = _listed_folders(Path(info.socket)) or (info.path,), memory_kills()
            return ClientSession(
                link,
                can_steer=can_steer,
                exit_reason=lambda: exit_reason(None, kills, [Path(folders[0]) / "host.log"]),
                folders=folders,
            )
        except OSError:
            pass
    return JournalSession(Path(info.path))


def folders_of(name: str, directory: Path) -> list[Path]:
    """Return the directory of a run, by path or name; for a group, those of its runs in the order of their start."""
    path = Path(name)
    if path.exists() and not path.is_dir():
        raise UserError(f"{name!r} is not a run folder")
    return [Path(info.path) for info in find_runs(name, directory)]


def find_live(name: str, option: str | None) -> RunInfo:
    """Find a live run by name: in the runs directory, else among all hosts of this user on this machine.

    An empty name means the newest run. Raises `UserError` where there is none.
    """
    directory = runs_dir(option)
    try:
        return find_run(name or "last", directory, live=True)
    except UserError as missing:
        if option is not None or "/" in name:
            raise
        elsewhere = [info for info in _listening() if not name or name == "last" or info.name.startswith(name)]
        if not elsewhere:
            raise UserError(_not_live_message(name, directory) or str(missing)) from None
        return max(elsewhere, key=lambda info: info.started)


def _listening() -> list[RunInfo]:
    """Return the live runs of this user in any directory: each host lists its runs in a file next to its socket."""
    from tui_trainer.host.server import is_listening

    runs: list[RunInfo] = []
    run_lists = [found for directory in socket_dirs() if _is_mine(directory) for found in directory.glob("*.json")]
    for run_list in run_lists:
        for folder in map(Path, _listed_folders(run_list)):
            if folder.exists():
                runs += [info for info in [read_run_info(folder)] if info.live]
            elif is_listening(
                listener := run_list.with_suffix(".sock")
            ):  # its folder was removed, but it is still training
                runs.append(RunInfo(folder.name, str(folder), "running", socket=str(listener)))
    return runs


def _is_mine(directory: Path) -> bool:
    """Return whether a directory belongs to this user: what another user lists there is not to be trusted."""
    try:
        return directory.lstat().st_uid == os.getuid()
    except OSError:
        return False


def _listed_folders(socket: Path) -> tuple[str, ...]:
    """Return the run directories of the host that listens on a socket; empty where it has not listed them."""
    try:
        return tuple(str(path) for path in json.loads(socket.with_suffix(".json").read_text())["runs"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()


def _not_live_message(name: str, directory: Path) -> str:
    """Return what to do about a run that exists but is not live, empty where there is no such run."""
    try:
        info = find_run(name or "last", directory)
    except UserError:
        return ""
    message = f"run {info.name!r} is {info.status}, not live; view it with `tui-trainer open {info.name}`"
    return message if name else f"no live run in {directory}"


class RunDirectory:
    """The catalog of one runs directory."""

    def __init__(self, directory: str | None = None, command: Sequence[str] = ("tui-trainer",)) -> None:
        self._option = directory
        self._command = command

    def presets(self) -> list[PresetInfo]:
        """Return every preset, by group."""
        return list_presets()

    def lessons(self) -> list[LessonInfo]:
        """Return every lesson, in the order of the lecture."""
        return list_lessons()

    def runs(self) -> list[RunInfo]:
        """Return every run, live ones first."""
        return list_runs(runs_dir(self._option))

    def start(self, preset: str) -> Session:
        """Start a host for the preset and connect to it."""
        # The configuration models take as long to import as the full dashboard.
        from tui_trainer.config.preset import load
        from tui_trainer.host.spec import host_spec
        from tui_trainer.session.launch import launch

        spec = host_spec(load(preset), self._option, None, [*self._command, "run", preset])
        return launch(spec).session()

    def join(self, run: RunInfo) -> Session:
        """Connect to a live run, or open a finished one."""
        return join(run)
