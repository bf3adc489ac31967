"""Find runs and connect to them: the catalog behind the home screen, `attach` and `open`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from tui_trainer.config.preset_library import preset_tables
from tui_trainer.config.toml import read_toml
from tui_trainer.errors import UserError
from tui_trainer.paths import expanded, runs_dir
from tui_trainer.platform_support import is_listening
from tui_trainer.runs.catalog import RunIndex, RunInfo, directory_of, find_run, find_runs, read_run_info
from tui_trainer.runs.run_list import run_lists, starting_runs
from tui_trainer.session.catalog import LessonInfo, PresetInfo, list_presets

# Listing runs does not import the models of the protocol, so that the home screen appears quickly.
if TYPE_CHECKING:
    from tui_trainer.config.lesson import Lesson
    from tui_trainer.config.teaching.course import Course
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.session.base import Session
    from tui_trainer.session.remote.remote_runs import RemoteRuns


def list_lessons(course: Course | None = None) -> list[LessonInfo]:
    """Return the lessons of a course, by default of the one that comes with the program, in its order.

    Raises:
        UserError: a lesson cannot be read, or names a row that the course does not have.
    """
    from tui_trainer.config.teaching.course import bundled_course, check_rows

    own = course is not None and not course.bundled
    course = course if course is not None else bundled_course()
    files = course.lesson_files() if own else {}
    tables = {name: read_toml(path) for name, path in files.items()} if own else preset_tables()
    lessons: list[LessonInfo] = []
    for name, table in tables.items():
        if "lesson" not in table:
            continue
        source = str(files[name]) if own else f"preset {name}"
        lesson = _lesson(table["lesson"], source)
        check_rows(table, course, source)
        lessons.append(
            LessonInfo(
                name=name,
                title=str(table.get("title", name)),
                group=course.rows[lesson.rows[0]].group,
                lesson=lesson,
                variants=tuple(str(variant.get("name", "")) for variant in table.get("variant", [])),
            )
        )
    return sorted(lessons, key=lambda info: (course.position(info.lesson.rows[0]), info.name))


def _lesson(table: Any, source: str) -> Lesson:
    from pydantic import ValidationError

    from tui_trainer.config.lesson import Lesson
    from tui_trainer.config.validation_errors import as_user_error

    try:
        return Lesson.model_validate(table)
    except ValidationError as error:
        raise as_user_error(error, Lesson, source, "lesson") from None


def join(info: RunInfo, *, can_steer: bool = True) -> Session:
    """Return a session with the run's host if it runs on this machine, else with the run directory."""
    from tui_trainer.session.finished_run import JournalSession
    from tui_trainer.session.socket_session import ClientSession, SocketLink

    if info.live and info.socket:
        wait_until_listening(info)
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
    path = expanded(name)
    if "/" in name and path.exists() and not path.is_dir():
        raise UserError(f"{name!r} is not a run folder")
    try:
        infos = find_runs(name, directory)
    except UserError:
        if path.exists() and not path.is_dir():
            raise UserError(f"{name!r} is not a run folder") from None
        raise
    for info in infos:
        if info.starting and not Path(info.path).is_dir():
            raise UserError(f"run {info.name!r} is starting; watch it with `tui-trainer attach {info.name}`")
    return [Path(info.path) for info in infos]


def wait_until_listening(info: RunInfo, seconds: float = 60.0) -> None:
    """Wait for the host of a run that is starting: it listens a moment after it was launched.

    Returns as soon as it listens or has ended, at the latest after the time limit.
    """
    deadline = monotonic() + seconds
    while info.starting and not is_listening(Path(info.socket)) and monotonic() < deadline:
        if all(other.socket != info.socket for other in starting_runs()):
            return
        sleep(0.02)


def find_live(name: str, option: str | None) -> RunInfo:
    """Find a live run to look at: in the runs directory, else among all hosts of this user on this machine.

    An empty name means the newest run. Raises `UserError` where there is none.
    """
    directory = runs_dir(option)
    try:
        return find_run(name or "last", directory, live=True)
    except UserError as missing:
        if option is not None or "/" in name:
            raise
        means_any = not name or name == "last"
        elsewhere = [i for i in _listening() if means_any or i.name.startswith(name) or i.preset == name]
        if not elsewhere:
            raise UserError(_not_live_message(name, directory) or str(missing)) from None
        return max(elsewhere, key=lambda info: info.started)


def find_steered(name: str, option: str | None) -> list[RunInfo]:
    """Find the live runs that a command is for, in the runs directory alone: one, or those of a group.

    Raises:
        UserError: there is none; the message names live runs in other directories, which can be named by their path.
    """
    directory = runs_dir(option)
    try:
        infos = find_runs(name, directory, live=True)
    except UserError as missing:
        message = _not_live_message("" if name == "last" else name, directory) or str(missing)
        if "/" in name and not message.startswith("no "):
            message = f"no live run {name!r}: {message}"
        raise UserError(f"{message}{_elsewhere(name, directory)}") from None
    if live := [info for info in infos if info.live]:
        return live
    raise UserError(f"run {infos[0].name!r} is {infos[0].status}, not live; `tui-trainer resume {name}` continues it")


def is_within(info: RunInfo, option: str | None) -> bool:
    """Return whether a run lies in the runs directory."""
    return os.path.realpath(info.path).startswith(os.path.realpath(runs_dir(option)) + os.sep)


def _elsewhere(name: str, directory: Path) -> str:
    """Return which live runs of other directories a name may have meant, empty where there are none."""
    others = [info for info in _listening() if not is_within(info, str(directory))]
    meant = [info for info in others if name == "last" or name in (info.preset, info.group) or name in info.name]
    if not meant:
        return ""
    newest = sorted(meant, key=lambda info: info.started, reverse=True)
    groups = list(dict.fromkeys(str(Path(info.path).parent) if info.group else info.path for info in newest))
    shown = ", ".join(_shortest(path) for path in groups[:3])
    more = ", ..." if len(groups) > 3 else ""
    return f"; {len(groups)} live elsewhere: {shown}{more}; name it to steer it"


def _shortest(path: str) -> str:
    """Return a path relative to the working directory where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):
        return path
    return relative if len(relative) < len(path) else path


def _listening() -> list[RunInfo]:
    """Return the live runs of this user in any directory: each host lists its runs in a file next to its socket."""
    runs = starting_runs()
    known = {info.path for info in runs}
    for run_list in run_lists():
        for folder in map(Path, _listed_folders(run_list)):
            if str(folder) in known:
                continue
            if folder.exists():
                runs += [info for info in [read_run_info(folder, directory_of(folder))] if info.live]
            elif is_listening(
                listener := run_list.with_suffix(".sock")
            ):  # its folder was removed, but it is still training
                runs.append(RunInfo(folder.name, str(folder), "running", socket=str(listener)))
    return runs


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
    """The catalog of one runs directory.

    Args:
        directory: the runs directory; None for the usual one.
        command: the program, as about.json records it.
        course: the course whose lessons it lists; None for the one that comes with the program.
        trust: whether lessons of a course may import the user's own code.
    """

    def __init__(
        self,
        directory: str | None = None,
        command: Sequence[str] = ("tui-trainer",),
        *,
        course: Course | None = None,
        trust: bool = False,
    ) -> None:
        self._option = directory
        self._course = course
        self._trust = trust
        self._command = command
        self._index: RunIndex | None = None
        self._everything = False
        """Whether the next read asks every run."""
        self.remote: RemoteRuns | None = None
        """The live runs of other machines, where they are listed too."""

    def presets(self) -> list[PresetInfo]:
        """Return every preset, by group."""
        return list_presets()

    def lessons(self) -> list[LessonInfo]:
        """Return every lesson of the course, in its order."""
        return list_lessons(self._course)

    def runs(self) -> list[RunInfo]:
        """Return every run, live ones first; the same list as before where nothing has changed."""
        directory = runs_dir(self._option)
        if self._index is None or self._index.directory != directory:
            self._index = RunIndex(directory)
        everything, self._everything = self._everything, False
        runs = self._index.refresh(everything=everything)
        return self.remote.beside(runs) if self.remote is not None else runs

    @property
    def problem(self) -> str:
        """The machines that did not answer, in one line."""
        return self.remote.problem if self.remote is not None else ""

    def look_again(self) -> None:
        """Ask every run next time whether it has changed."""
        self._everything = True

    def forget(self) -> None:
        """Read every run again next time."""
        self._index = None

    def directory(self) -> Path:
        """Return the runs directory, which may not exist yet."""
        return runs_dir(self._option).absolute()

    def again(self, run: RunInfo, changes: Sequence[str]) -> Session:
        """Train a run again from the start, with `KEY=VALUE` changes."""
        from tui_trainer.session.rerun import rerun_session

        return rerun_session({run.name: run.path}, changes)

    def start(self, preset: str, changes: Sequence[str] = ()) -> Session:
        """Start a host for the preset, with `KEY=VALUE` changes, and connect to it."""
        # The configuration models take as long to import as the full dashboard.
        from tui_trainer.session.launch import launch

        return launch(self._spec(preset, changes)).session()

    def start_lesson(self, preset: str) -> Session:
        """Start a host whose runs wait before their first batch, and connect to it."""
        from tui_trainer.host.spec import held
        from tui_trainer.session.launch import launch

        return launch(held(self._spec(preset))).session()

    def _spec(self, preset: str, changes: Sequence[str] = ()) -> HostSpec:
        from tui_trainer.config.preset import load
        from tui_trainer.host.spec import host_spec

        own = self._course.lesson_files() if self._course is not None and not self._course.bundled else {}
        source = str(own.get(preset, preset))
        command = [*self._command, "run", source, *changes]
        return host_spec(load(source, changes), self._option, None, command, trust=self._trust)

    def join(self, run: RunInfo) -> Session:
        """Connect to a live run, or open a finished one."""
        return self.remote.join(run) if self.remote is not None and run.host else join(run)
