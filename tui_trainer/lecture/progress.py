"""The progress of a reader through the lecture: lessons seen, questions predicted, predictions that were right.

One small file in the state directory. It is a convenience: a file that cannot be read is one without progress, and a
failed write loses the newest lesson and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tui_trainer.runs.atomic_write import read_plain, replace_file

VERSION = 1
"""Version of the format. A file of a later one is left alone."""
MAX_BYTES = 1 << 20
"""Largest file, in bytes."""
MAX_COUNT = 10_000
"""Largest number of questions."""


@dataclass(frozen=True, slots=True)
class LessonProgress:
    """The work of a reader in one lesson.

    Attributes:
        seen: when it was first followed to its end, in ISO 8601; empty for never.
        predicted: the most questions answered before a start.
        right: the most answers of one start that agreed with the measurement.
    """

    seen: str = ""
    predicted: int = 0
    right: int = 0

    def merged(self, other: LessonProgress) -> LessonProgress:
        """Return the better of two."""
        seen = self.seen or other.seen
        return LessonProgress(seen, max(self.predicted, other.predicted), max(self.right, other.right))


def progress_path() -> Path | None:
    """Return the path of the file; None where there is no home directory."""
    base = os.environ.get("XDG_STATE_HOME", "")
    try:
        directory = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return directory / "tui-trainer" / "lecture.json"


class ProgressFile:
    """The progress file: read once, written when a lesson was followed.

    Args:
        path: the file; None keeps the progress in memory alone.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lessons: dict[str, LessonProgress] | None = None

    def lessons(self) -> Mapping[str, LessonProgress]:
        """Return the progress by lesson."""
        if self._lessons is None:
            self._lessons = read(self._path) or {}
        return self._lessons

    def add(self, lesson: str, *, seen: bool = False, predicted: int = 0, right: int = 0) -> None:
        """Add what was done in a lesson, to what other screens have added since."""
        now = datetime.now(UTC).isoformat(timespec="seconds") if seen else ""
        if self._path is None:
            self._lessons = _with(self.lessons(), lesson, LessonProgress(now, predicted, right))
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._path.with_suffix(".lock"), "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                known = read(self._path)
                if known is None:
                    return
                self._lessons = _with(known, lesson, LessonProgress(now, predicted, right))
                content = {"version": VERSION, "lessons": {name: asdict(one) for name, one in self._lessons.items()}}
                replace_file(self._path, (json.dumps(content, indent=1) + "\n").encode())
            return
        self._lessons = _with(self.lessons(), lesson, LessonProgress(now, predicted, right))


def read(path: Path | None) -> dict[str, LessonProgress] | None:
    """Return the progress in a file, empty where there is none; None where a later version wrote it."""
    try:
        content = json.loads(read_plain(path, MAX_BYTES)) if path is not None else {}
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or not isinstance(table := content.get("lessons"), dict):
        return {}
    if isinstance(version := content.get("version"), int) and version > VERSION:
        return None
    return {str(name): found for name, value in table.items() if (found := _lesson(value)) is not None}


def _lesson(value: Any) -> LessonProgress | None:
    if not isinstance(value, dict):
        return None
    seen = value.get("seen", "")
    try:
        datetime.fromisoformat(seen)
    except (TypeError, ValueError):
        seen = ""
    counts = [value.get(name) for name in ("predicted", "right")]
    predicted, right = (count if type(count) is int and 0 <= count <= MAX_COUNT else 0 for count in counts)
    return LessonProgress(seen, predicted, right)


def _with(lessons: Mapping[str, LessonProgress], name: str, found: LessonProgress) -> dict[str, LessonProgress]:
    return {**lessons, name: lessons.get(name, LessonProgress()).merged(found)}
