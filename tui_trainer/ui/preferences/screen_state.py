"""The state file of the screen, `screen.json` beside the settings: the chosen theme and the last view of each project.

A project is a runs directory. The file is a convenience: every byte of it may be wrong or missing, and the screen opens
all the same. It is small by construction: the projects that were used longest ago are dropped.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tui_trainer.runs.atomic_write import read_plain, replace_file
from tui_trainer.state.series_names import AXIS, group_of
from tui_trainer.ui.charts.composed.own import MAX_SMOOTHING, Charts, as_tables, from_tables
from tui_trainer.ui.charts.composed.page_choice import GRIDS, is_pattern
from tui_trainer.ui.charts.view import AXES, Axis, End, Limits

VERSION = 1
"""Version of the format. A file of a later one is left alone."""
MAX_BYTES = 256 << 10
"""Largest state file, in bytes."""
MAX_PROJECTS = 100
"""Most projects in the file."""
MAX_CHARTS = 32
"""Most charts with a logarithm of their own, in one project."""
MAX_END = 1e300
"""Largest end of an axis."""
MAX_PAGE = 100_000
"""Largest number of a page of charts."""
MAX_NAME = 80
"""Most characters of a name: of a chart, a page or a theme."""
MAX_PATH = 4096
"""Most characters of the path of a project."""
LOCK_SECONDS = 2.0
"""Most seconds to wait for another screen that writes the file."""


@dataclass(frozen=True, slots=True)
class ProjectState:
    """The way in which the runs of one project were looked at last.

    Attributes:
        axis, log, log_x, clip, smoothing, median, band: those of `View`.
        chart: the chart or picture that was the large one; empty for none.
        alone: whether it filled the screen.
        page: the page that was open beside the charts; empty for none.
        log_all: whether the log showed epochs and saves too.
        sort: the column that ordered the leaderboard; empty for the usual one.
        reverse: whether that order was reversed.
        baseline: directory of the run that stays behind the charts; empty for none.
        tab: the tab of the home screen.
        chosen: the item of the home screen that was opened last.
        charts: the charts that the user composed.
        grid, charts_page, filter: those of `ChartPages`.
        limits: that of `View`.
    """

    axis: Axis = "step"
    log: Mapping[str, bool] = field(default_factory=dict[str, bool])
    log_x: bool = False
    clip: bool = True
    smoothing: int | None = None
    median: bool = False
    band: bool | None = None
    chart: str = ""
    alone: bool = False
    page: str = ""
    log_all: bool = False
    sort: str = ""
    reverse: bool = False
    baseline: str = ""
    tab: str = ""
    chosen: str = ""
    charts: Charts = ()
    grid: tuple[int, int] = GRIDS[0]
    charts_page: int = 0
    filter: str = ""
    limits: Mapping[str, Limits] = field(default_factory=dict[str, Limits])


@dataclass(frozen=True, slots=True)
class ScreenState:
    """All that the screen remembers.

    Attributes:
        theme: the theme that was chosen in the screen; empty for none.
        theme_over: the `theme` of the settings at that time. Once the settings name another one, that one wins.
        projects: the projects by the path of the runs directory, the one used last at the end.
    """

    theme: str = ""
    theme_over: str = ""
    projects: Mapping[str, ProjectState] = field(default_factory=dict[str, ProjectState])

    def with_project(self, path: str, project: ProjectState) -> ScreenState:
        """Return this state with another view of one project, which was used last then."""
        others = {name: known for name, known in self.projects.items() if name != path}
        return replace(self, projects={**others, path: project})


class UnusableState(Exception):
    """A state file that cannot be used.

    Attributes:
        later: whether a later version wrote it, so that it must not be replaced.
    """

    def __init__(self, reason: str, *, later: bool = False) -> None:
        super().__init__(reason)
        self.later = later


def parse(data: bytes) -> ScreenState:
    """Parse a state file. A value that is not allowed is replaced by its default.

    Raises:
        UnusableState: the file as a whole is none; the message says why.
    """
    if not data:
        return ScreenState()
    try:
        table = json.loads(data)
    except (ValueError, RecursionError):
        raise UnusableState("not JSON") from None
    version = table.get("version") if isinstance(table, dict) else None
    if type(version) is not int or version < 1:
        raise UnusableState("not a state file of the screen")
    if version > VERSION:
        raise UnusableState(f"written by a later version (format {version})", later=True)
    projects = table.get("projects")
    known: dict[str, ProjectState] = {}
    for path, fields_of in list(projects.items())[-MAX_PROJECTS:] if isinstance(projects, dict) else ():
        if len(path) <= MAX_PATH and isinstance(fields_of, dict):
            known[path] = _project(fields_of)
    return ScreenState(_name(table.get("theme")), _name(table.get("theme_over")), known)


def _name(value: Any, most: int = MAX_NAME) -> str:
    return value if isinstance(value, str) and len(value) <= most and value.isprintable() else ""


def _project(table: Mapping[str, Any]) -> ProjectState:
    plain = ProjectState()
    flags = {
        known.name: value
        for known in fields(ProjectState)
        if isinstance(getattr(plain, known.name), bool) and isinstance(value := table.get(known.name), bool)
    }
    axis, smoothing, log = table.get("axis"), table.get("smoothing"), table.get("log")
    charts = list(log.items())[:MAX_CHARTS] if isinstance(log, dict) else []
    grid, page, pattern = table.get("grid"), table.get("charts_page"), table.get("filter")
    return ProjectState(
        axis=axis if isinstance(axis, str) and (axis in AXES or group_of(_name(axis)) == AXIS) else "step",
        log={name: value for name, value in charts if name and _name(name) and isinstance(value, bool)},
        smoothing=smoothing if type(smoothing) is int and 0 <= smoothing <= MAX_SMOOTHING else None,
        band=band if isinstance(band := table.get("band"), bool) else None,
        chart=_name(table.get("chart")),
        page=_name(table.get("page")),
        sort=_name(table.get("sort")),
        baseline=_name(table.get("baseline"), MAX_PATH),
        tab=_name(table.get("tab")),
        chosen=_name(table.get("chosen")),
        charts=from_tables(table.get("charts")),
        grid=next((known for known in GRIDS if list(known) == grid), GRIDS[0]),
        charts_page=page if type(page) is int and 0 <= page <= MAX_PAGE else 0,
        filter=pattern if isinstance(pattern, str) and is_pattern(pattern) else "",
        limits=_limits(table.get("limits")),
        **flags,
    )


def _limits(table: object) -> dict[str, Limits]:
    limits: dict[str, Limits] = {}
    for name, ends in list(table.items())[:MAX_CHARTS] if isinstance(table, dict) else ():
        if not _name(name) or not isinstance(ends, list) or len(ends) != len(("y", "y", "x", "x")):
            continue
        y_low, y_high, x_low, x_high = (_end(end) for end in ends)
        known = Limits((y_low, y_high), (x_low, x_high))
        if known:
            limits[name] = known
    return limits


def _end(value: object) -> End:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) <= MAX_END else None


def dump(state: ScreenState) -> bytes:
    """Write a state as a file of at most `MAX_BYTES`: the projects used longest ago are dropped."""
    plain = ProjectState()
    entries: list[tuple[str, dict[str, Any]]] = []
    room = MAX_BYTES - 1000
    for path, project in reversed(list(state.projects.items())[-MAX_PROJECTS:]):
        changed = {
            known.name: value
            for known in fields(ProjectState)
            if (value := getattr(project, known.name)) != getattr(plain, known.name)
        }
        if project.charts:
            changed["charts"] = as_tables(project.charts)
        if project.limits:
            changed["limits"] = {name: [*known.y, *known.x] for name, known in project.limits.items()}
        room -= len(json.dumps({path: changed})) + 2
        if room < 0 or len(path) > MAX_PATH:
            break
        entries.append((path, changed))
    table = {"version": VERSION, "theme": state.theme, "theme_over": state.theme_over, "projects": {}}
    table["projects"] = dict(reversed(entries))
    return (json.dumps(table, indent=1) if room > MAX_BYTES // 2 else json.dumps(table)).encode()


def load(path: Path | None) -> tuple[ScreenState, UnusableState | None]:
    """Read a state file. Never raises: without a usable file, the state is empty, and the reason comes with it."""
    if path is None:
        return ScreenState(), None
    try:
        return parse(read_plain(path, MAX_BYTES)), None
    except FileNotFoundError:
        return ScreenState(), None
    except OSError as error:
        return ScreenState(), UnusableState(error.strerror or "cannot be read")
    except UnusableState as unusable:
        return ScreenState(), unusable


def update(path: Path, change: Callable[[ScreenState], ScreenState]) -> bool:
    """Change the state in the file as it is now, so that what another screen has written stays. Never raises.

    Returns:
        Whether it was written. A file of a later version, one that another screen keeps locked, and one in a place that
        cannot be written stay as they are.
    """
    with contextlib.suppress(OSError, ValueError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_name(f".{path.name}.lock")):
            state, unusable = load(path)
            if unusable is not None and unusable.later:
                return False
            replace_file(path, dump(change(state)))
            return True
    return False


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold a lock while the file is read and replaced. A file system without locks has the last writer win.

    Raises:
        OSError: another screen keeps the lock for too long.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    latest = monotonic() + LOCK_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if monotonic() >= latest:
                    raise
                sleep(0.01)
            except OSError:
                break
        yield
    finally:
        os.close(descriptor)
