"""What the host process prints, and its C libraries: into host.log, and from there to the log pane."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

MAX_LINES = 40
"""Lines passed on at a time; a process that prints faster is read in host.log."""


AGAIN = "--- taken up again at "
"""How the line in host.log begins that stands between what one host printed and what the next one does."""


class LogCapture:
    """Descriptors 1 and 2 of the process, turned into a file from which new lines are read.

    A file never blocks who prints, whatever the viewers do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._claim: Callable[[], None] = lambda: None
        self._reader: int | None = None
        self._offset = 0
        self._rest = b""

    def capture(self) -> None:
        """Send descriptors 1 and 2 to the file from now on."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        self._open()

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            self._reader = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def move_to(self, path: Path, claim: Callable[[], None]) -> None:
        """Go on at the end of another file, after what has been printed so far. The old one is removed.

        Args:
            path: the other file.
            claim: raises `OSError` where a new file may not be made under that name.
        """
        if path == self.path:
            return
        old = self.path
        try:
            data = old.read_bytes()
            with open(path, "ab") as file:
                if file.tell():
                    file.write(f"{AGAIN}{datetime.now(UTC).isoformat(timespec='seconds')} ---\n".encode())
                before = file.tell()
                file.write(data)
        except OSError:
            return
        self._offset += before
        if self._reader is not None:
            os.close(self._reader)
        self.path, self._claim = path, claim
        self.capture()
        with contextlib.suppress(OSError):
            old.unlink()

    def check(self) -> None:
        """Where the file has been taken away and its folder is back: everything printed is written there again."""
        old = self._reader
        if old is None:
            return
        try:
            if os.path.samestat(os.fstat(old), os.stat(self.path)):
                return
        except OSError:
            pass
        try:
            self._claim()
            with open(self.path, "wb") as file:
                copied = _copy(old, file, 0)
                self.capture()
                _copy(old, file, copied)  # what was printed meanwhile
        except OSError:
            return
        os.close(old)

    def lines(self) -> list[str]:
        """The lines printed since the last call, at most `MAX_LINES` and a line that says how many were left out."""
        if self._reader is None:
            return []
        try:
            data = os.pread(self._reader, 1 << 18, self._offset)
        except OSError:
            return []
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > 1 << 16:
            lines, self._rest = [*lines, self._rest], b""
        shown = [line.decode(errors="replace") for line in lines[:MAX_LINES]]
        if len(lines) > MAX_LINES:
            shown.append(f"({len(lines) - MAX_LINES} more lines in {self.path.name})")
        return shown

    def discard_if_early(self, directory: Path) -> None:
        """Remove the file where it never left the directory in which it began: there was no run to keep it for."""
        if self.path.parent == directory:
            with contextlib.suppress(OSError):
                self.path.unlink()


def _copy(descriptor: int, file: BinaryIO, offset: int) -> int:
    """Append what stands in a file from `offset` on to another; where it ends. Raises `OSError`."""
    while data := os.pread(descriptor, 1 << 20, offset):
        file.write(data)
        offset += len(data)
    file.flush()
    return offset


def tail_of(path: Path, lines: int = 20) -> list[str]:
    """The last lines of a file, none where it cannot be read."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # it may be a pipe
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - (1 << 15)))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
