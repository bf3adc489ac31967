"""Read whole lines of a growing text file."""

from __future__ import annotations

from pathlib import Path
from time import time

from tui_trainer.readers.reading import CHUNK, SETTLED

MAX_LINE = 1 << 24
"""Bytes of the longest line that is read; one that is longer is passed over."""
MAX_UNENDED = 1 << 16
"""Bytes of the longest last line that is read again once it has got an end."""


def read_lines(path: Path, offset: int, size: int = CHUNK) -> tuple[list[str], int, bool]:
    """Return the whole lines after an offset, the offset behind them, and whether the file ends there."""
    text, offset, ended = read_text(path, offset, size)
    return split(text), offset, ended


def split(text: str) -> list[str]:
    """Return the lines of a text."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def read_text(path: Path, offset: int, size: int = CHUNK) -> tuple[str, int, bool]:
    """Return the text of whole lines after an offset, the offset behind them, and whether the file ends there.

    A last line without an end is left for the next call; in a file that has not changed for some seconds it counts.
    """
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read(size)
        while len(data) >= size and len(data) < MAX_LINE and b"\n" not in data and b"\r" not in data:
            more = file.read(size)
            if not more:
                break
            data += more
        ended = not file.read(1)
    end = max(data.rfind(b"\n"), data.rfind(b"\r") if ended or b"\n" not in data else -1) + 1
    if ended and end < len(data) and time() - path.stat().st_mtime > SETTLED:
        end = len(data)
    if not ended and not end:  # a line without an end
        end = len(data)
    text = data[:end].decode("utf-8", "replace")
    if not offset:
        text = text.removeprefix("\ufeff")
    if "\0" in text:
        text = text.replace("\0", "")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, offset + end, ended


def next_line(path: Path, offset: int, most: int) -> int:
    """Return the offset of the first line that begins after another offset, that one where none does nearby."""
    with open(path, "rb") as file:
        file.seek(offset)
        return offset + file.read(most).find(b"\n") + 1


def unended_line(path: Path, end: int) -> int | None:
    """Return the offset of a line that was read up to `end` without an end of it; None where there is no such line."""
    begin = max(end - MAX_UNENDED, 0)
    with open(path, "rb") as file:
        file.seek(max(end - 1, 0))
        if file.read(1) in (b"\n", b"\r", b""):
            return None
        file.seek(begin)
        data = file.read(end - begin)
    at = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    return begin + at if at or not begin else None


def goes_on(path: Path, offset: int) -> bool:
    """Return whether more of a line stands behind an offset: neither its end nor that of the file."""
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(1) not in (b"\n", b"\r", b"")
