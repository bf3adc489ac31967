"""What the home screen lists and starts, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tui_trainer.config.lesson import Lesson
from tui_trainer.runs.listing import RunInfo
from tui_trainer.session.base import Session


@dataclass(frozen=True, slots=True)
class PresetInfo:
    """One preset, as `tui-trainer presets` lists it."""

    name: str
    title: str = ""
    summary: str = ""
    group: str = ""
    variants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LessonInfo:
    """One preset of the lecture: what it shows, and how it is listed."""

    name: str
    title: str
    group: str
    lesson: Lesson
    variants: tuple[str, ...] = ()


class Lessons(Protocol):
    """Where the lessons of the lecture come from. Neither call waits for torch."""

    def lessons(self) -> list[LessonInfo]:
        """Every lesson, in the order of the lecture's rows. Raises `UserError` where a preset cannot be read."""
        ...

    def start(self, preset: str) -> Session:
        """Start a host for the preset and join it. Raises `UserError` where it cannot be."""
        ...


class Catalogue(Protocol):
    """Where presets and runs come from. Each call may read the disk and takes milliseconds; none waits for torch."""

    def presets(self) -> list[PresetInfo]:
        """Every preset, grouped and ordered for people."""
        ...

    def runs(self) -> list[RunInfo]:
        """Every run of the runs directory, the newest first, live ones before finished ones."""
        ...

    def start(self, preset: str) -> Session:
        """Start a host for the preset and join it. Raises `UserError` where it cannot be."""
        ...

    def join(self, run: RunInfo) -> Session:
        """Join a live run, or open a finished one."""
        ...
