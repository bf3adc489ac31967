"""Capture what the host process and its C libraries print in host.log, and read it back for the log pane."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

MAX_LINES = 40
"""Lines that one call of `lines` returns at most; host.log holds all of them."""
RESUMED = "--- resumed at "
"""Beginning of the line in host.log that separates the output of one host from that of the next."""
SEPARATORS = (RESUMED, "--- taken up again at ")
"""The same, with that of earlier versions."""


class LogCapture:
    """Redirects descriptors 1 and 2 of the process to a file, and reads new lines from it.

    Unlike a pipe, a file never blocks the process that prints.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._claim: Callable[[], None] = lambda: None
        self._reader: int | None = None
        self._offset = 0
        self._rest = b""

    def capture(self) -> None:
        """Redirect descriptors 1 and 2 to the file."""
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
        """Append what has been captured so far to another file, continue there, and remove the old file.

        Args:
            path: the other file.
            claim: raises `OSError` where a new file may not be created under that name.
        """
        if path == self.path:
            return
        old = self.path
        try:
            data = old.read_bytes()
            with open(path, "ab") as file:
                if file.tell():
                    file.write(f"{RESUMED}{datetime.now(UTC).isoformat(timespec='seconds')} ---\n".encode())
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
        """If the file was removed and its directory is back, write everything that was captured there again."""
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
                _copy(old, file, copied)  # output of the meantime
        except OSError:
            return
        os.close(old)

    def lines(self) -> list[str]:
        """Return the lines captured since the last call: at most `MAX_LINES`, then one that counts the rest."""
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
        """Remove the file if it is still in the directory of the sockets, because no run directory was ever opened."""
        if self.path.parent == directory:
            with contextlib.suppress(OSError):
                self.path.unlink()


def _copy(descriptor: int, file: BinaryIO, offset: int) -> int:
    """Append the bytes of a file from `offset` on to another file. Returns its length; raises `OSError`."""
    while data := os.pread(descriptor, 1 << 20, offset):
        file.write(data)
        offset += len(data)
    file.flush()
    return offset


def tail_of(path: Path, lines: int = 20) -> list[str]:
    """Return the last lines of a file that are not blank, none where it cannot be read."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # it may be a pipe
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - (1 << 15)))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
