"""The input and output of a reader: a position in a file, and the columns that lie behind it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHUNK = 1 << 20
"""Bytes that a reader takes at a time."""
MAX_COLUMNS = 2000
"""Most columns of one log that are read; further ones are left out."""
SETTLED = 5.0
"""Seconds without a change after which the end of a file counts as complete."""
MAX_STEP = 1 << 62
"""Steps lie below it."""


class Unreadable(Exception):
    """A log cannot be read. The message is one sentence about its content, without the path."""


@dataclass(slots=True)
class LogColumn:
    """Values of one name with their steps, in the order of the file. NaN and infinity stay what they are."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def append(self, step: int, value: float) -> None:
        """Add one value."""
        self.steps.append(step)
        self.values.append(value)


@dataclass(frozen=True, slots=True)
class Medium:
    """A histogram, a text or an image of a log.

    Attributes:
        kind: text, image or histogram.
        name: its name in the file.
        step: its step.
        content: the text; the encoded image; left edge, right edge and count of each bucket.
    """

    kind: str
    name: str
    step: int
    content: str | bytes | tuple[tuple[float, float, float], ...]


@dataclass(slots=True)
class Rows:
    """The columns of one run that were read at once.

    Attributes:
        columns: by their names in the file.
        epochs: the epoch of each row, where the log has it.
        seconds: the seconds since the beginning of each row, or a time of day, where the log has it.
        settings: hyperparameters that the log holds.
        media: histograms, texts and images.
    """

    columns: dict[str, LogColumn] = field(default_factory=dict[str, LogColumn])
    epochs: LogColumn | None = None
    seconds: LogColumn | None = None
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    media: list[Medium] = field(default_factory=list[Medium])


@dataclass(slots=True)
class Position:
    """A place in a file: bytes that were read, what the reader must remember of them, and how many it takes now."""

    offset: int = 0
    memory: Any = None
    limit: int = 0
    """Bytes that the next call takes; 0 for as many as the reader likes."""


@dataclass(slots=True)
class Reading:
    """The result of one call of a reader.

    Attributes:
        runs: the new columns of each run of the file; a file of one run calls it "".
        position: where the next call goes on.
        notes: sentences for the log.
        at_end: whether nothing more can be read at present.
    """

    position: Position
    runs: dict[str, Rows] = field(default_factory=dict[str, Rows])
    notes: list[str] = field(default_factory=list[str])
    at_end: bool = False


Read = Callable[[Path, Position, Mapping[str, str]], Reading]
"""A reader: path, position, and the columns that the user told by role."""


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the table of formats.

    Attributes:
        name: in words.
        matches: whether a file with this name and these first bytes is of the format.
        is_log: whether a file of the format that begins with these bytes is a log; asked where a folder is searched.
        read: the reader.
        names: patterns of the names by which a folder is searched for such files.
        joined: whether the files of one folder are one run.
        appended: whether files of the format grow at their end.
        needs: the package without which the format cannot be read; empty for none.
        align: returns the offset of the first row behind an offset of a file, within some bytes. A format without it
            is read from the beginning only.
        in_lines: whether its rows are lines of text, of which the last may be torn.
    """

    name: str
    matches: Callable[[str, bytes], bool]
    is_log: Callable[[bytes, Mapping[str, str]], bool]
    read: Read
    names: tuple[str, ...]
    joined: bool = False
    appended: bool = True
    needs: str = ""
    align: Callable[[Path, int, int], int] | None = None
    in_lines: bool = False
