"""Capture what the host process and its C libraries print in host.log, and read it back for the log pane."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from tui_trainer.host.output_lines import OutputLines
from tui_trainer.platform_support import flush_c_output, line_buffer_c_output
from tui_trainer.text import terminal_line

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
        self._lines = OutputLines()
        self._streams: list[tuple[io.TextIOWrapper, str, str | None, bool]] = []
        """The text streams of the process, each with the encoding, errors and buffering that it had."""

    def capture(self) -> None:
        """Redirect descriptors 1 and 2 to the file, and let each line that is printed reach it at once.

        The file is UTF-8 whatever the locale says: a character that the locale lacks must not end a training.
        """
        if not self._streams:
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, io.TextIOWrapper):
                    self._streams.append((stream, stream.encoding, stream.errors, stream.line_buffering))
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        for stream, *_ in self._streams:
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
        line_buffer_c_output()
        self._open()

    def flush(self) -> None:
        """Pass on what the process has printed without ending the line."""
        for stream, *_ in self._streams:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                stream.flush()

    def release(self) -> None:
        """Give the text streams of the process back as they were, empty; the descriptors are the caller's."""
        self.flush()
        flush_c_output()
        for stream, encoding, errors, line_buffering in self._streams:
            with contextlib.suppress(OSError, ValueError, LookupError):
                stream.reconfigure(encoding=encoding, errors=errors, line_buffering=line_buffering)

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
        """Return the lines captured since the last call: at most `MAX_LINES`, then one that counts the rest.

        A line that does not end, such as a progress bar, is shown as far as it is now and then.
        """
        self.flush()
        lines = self._lines.add(self._read())
        shown = lines[:MAX_LINES]
        if len(lines) > MAX_LINES:
            shown.append(f"({len(lines) - MAX_LINES} more lines in {self.path.name})")
        return shown + self._lines.unfinished()

    def last_lines(self) -> list[str]:
        """Return the lines captured since the last call when nothing more comes: of many, the last ones."""
        self.flush()
        flush_c_output()
        lines: list[str] = []
        skipped = 0
        while data := self._read():
            lines += self._lines.add(data)
            skipped += max(len(lines) - MAX_LINES, 0)
            lines = lines[-MAX_LINES:]
        more = [f"({skipped} more lines in {self.path.name})"] if skipped else []
        return more + lines + self._lines.unfinished(last=True)

    def _read(self) -> bytes:
        """Return what has been captured and not read yet, a part at a time."""
        if self._reader is None:
            return b""
        try:
            data = os.pread(self._reader, 1 << 18, self._offset)
        except OSError:
            return b""
        self._offset += len(data)
        return data

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
    """Return the last lines of a file that are not blank, as a terminal shows them; none where it cannot be read."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # it may be a pipe
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - (1 << 15)))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line for line in map(terminal_line, text.split("\n")) if line.strip()][-lines:]
