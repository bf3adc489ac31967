"""The presets, lessons and runs that the home screen lists, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tui_trainer.config.preset_library import listed_tables

if TYPE_CHECKING:
    from tui_trainer.config.lesson import Lesson
    from tui_trainer.runs.catalog import RunInfo
    from tui_trainer.session.base import Session


@dataclass(frozen=True, slots=True)
class PresetInfo:
    """One preset, as `tui-trainer presets` lists it."""

    name: str
    title: str = ""
    summary: str = ""
    group: str = ""
    variants: tuple[str, ...] = ()
    is_lesson: bool = False
    """Whether it belongs to the lecture."""


_GROUPS = (
    "first steps",
    "design choices", "algorithms", "learning rates", "adaptive methods", "diagnosis", "initialisation", "stopping",
    "pictures", "images", "tables", "language", "drills",
)  # fmt: skip
"""Groups in the order in which they are listed; other groups follow by name."""


def list_presets() -> list[PresetInfo]:
    """Return every bundled preset, by group."""
    presets = [
        PresetInfo(
            name=name,
            title=str(table.get("title", name)),
            summary=str(table.get("summary", "")),
            group=str(table.get("group", "")),
            variants=tuple(str(variant.get("name", "")) for variant in table.get("variant", [])),
            is_lesson="lesson" in table,
        )
        for name, table in listed_tables().items()
    ]
    order = {group: index for index, group in enumerate(_GROUPS)}
    return sorted(presets, key=lambda preset: (order.get(preset.group, len(order)), preset.group, preset.name))


@dataclass(frozen=True, slots=True)
class LessonInfo:
    """One lesson preset, as the contents of the lecture list it."""

    name: str
    title: str
    group: str
    lesson: Lesson
    variants: tuple[str, ...] = ()


@runtime_checkable
class Lessons(Protocol):
    """A source of lessons. No method waits for torch."""

    def lessons(self) -> list[LessonInfo]:
        """Return every lesson, in the order of the lecture. Raises `UserError` where a preset cannot be read."""
        ...

    def start_lesson(self, preset: str) -> Session:
        """Start a host for the preset, which waits before the first batch, and connect to it.

        Raises `UserError` where that fails.
        """
        ...


class Catalog(Protocol):
    """A source of presets and runs. A call may read the disk for some milliseconds; no method waits for torch."""

    def presets(self) -> list[PresetInfo]:
        """Return every preset, by group, in the order in which they are listed."""
        ...

    def runs(self) -> list[RunInfo]:
        """Return every run of the runs directory: live ones first, then the newest."""
        ...

    def start(self, preset: str, changes: Sequence[str] = ()) -> Session:
        """Start a host for the preset, with `KEY=VALUE` changes, and connect to it.

        Raises:
            UserError: a change is invalid, or the host cannot be started.
        """
        ...

    def join(self, run: RunInfo) -> Session:
        """Connect to a live run, or open a finished one."""
        ...


@runtime_checkable
class Stored(Protocol):
    """A source whose runs lie in one directory of this machine."""

    def directory(self) -> Path:
        """Return the runs directory, which may not exist yet."""
        ...

    def again(self, run: RunInfo, changes: Sequence[str]) -> Session:
        """Train a run again from the start, with `KEY=VALUE` changes. Raises `UserError` where that fails."""
        ...


@runtime_checkable
class Reloadable(Protocol):
    """A source that remembers what it has read."""

    def forget(self) -> None:
        """Read everything again next time."""
        ...


@runtime_checkable
class Watchful(Protocol):
    """A source that asks only some of its runs at a time whether they have changed."""

    def look_again(self) -> None:
        """Ask every run next time, and read those that have changed."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """A source that may reach only a part of its runs."""

    @property
    def problem(self) -> str:
        """The parts that could not be read, and why, in one line; empty where everything was."""
        ...
