"""Write and read `events.jsonl`: every event of a run, in order, one checksummed JSON line each.

    append:  write the line at the end; a line that cannot be written waits in the retry buffer
    check:   is the file still under its name? if it was removed and its directory is back, copy it there
    read:    a line with a wrong checksum is skipped and counted; an incomplete last line is not returned

Nothing is ever changed in place. A run that resumes from a checkpoint cuts the journal back to the length that the
checkpoint recorded, and appends again.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.platform_support import sync_file
from tui_trainer.protocol.checksum import MAX_LINE, BadLine, verify
from tui_trainer.runs.atomic_write import sync_directory, write_all

if TYPE_CHECKING:
    from tui_trainer.protocol.events import AnyEvent

REMOVED = "the file was removed"
MAX_RETRY_BUFFER = 16 << 20
"""Bytes of lines that are kept while nothing can be written. Beyond that the oldest are dropped and counted."""


class Journal:
    """The only writer of a journal.

    Lines that cannot be written (a full disk) are kept in the retry buffer and written later, in order. A file that was
    removed or renamed is still written, and copied back under its name when its directory is back. `error` holds the
    reason. Only `sync` raises.
    """

    def __init__(self, path: Path, length: int | None = None, claim: Callable[[], None] = lambda: None) -> None:
        """Open the journal at its end, after removing an incomplete last line.

        Args:
            path: the file; created where it is missing.
            length: bytes to cut it to, for a run that resumes from a checkpoint; None keeps all of it.
            claim: raises `OSError` where a new file may not be created under this name.
        """
        self.path = path
        self.lost = 0
        self._claim = claim
        self._failure = ""
        self._away = False
        self._retry_buffer: deque[bytes] = deque()
        self._retry_buffer_bytes = 0
        if length is not None:
            with contextlib.suppress(FileNotFoundError):
                os.truncate(path, min(length, path.stat().st_size))
        self._descriptor = self._open()
        self._size = os.fstat(self._descriptor).st_size

    @property
    def error(self) -> str:
        """Why lines are not on disk under the journal's name, empty where all are."""
        return self._failure or (REMOVED if self._away else "")

    def _open(self) -> int:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        os.ftruncate(descriptor, complete_length(self.path))
        return descriptor

    @property
    def size(self) -> int:
        """Length of the journal in bytes."""
        return self._size

    def append(self, lines: bytes) -> None:
        """Write complete lines, after those in the retry buffer."""
        self._retry_buffer.append(lines)
        self._retry_buffer_bytes += len(lines)
        while self._retry_buffer_bytes > MAX_RETRY_BUFFER:
            oldest = self._retry_buffer.popleft()
            self._retry_buffer_bytes -= len(oldest)
            self.lost += oldest.count(b"\n")
        self._drain()

    def _drain(self) -> None:
        try:
            while self._retry_buffer:
                self._write(self._retry_buffer[0])
                self._retry_buffer_bytes -= len(self._retry_buffer.popleft())
            self._failure = ""
        except OSError as error:
            self._failure = error.strerror or str(error)

    def _is_in_place(self) -> bool:
        """Return whether the open file is the one under the journal's name."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self.path))
        except OSError:
            return False

    def _write(self, lines: bytes) -> None:
        if os.fstat(self._descriptor).st_size != self._size:  # a partial line that could not be removed at once
            os.ftruncate(self._descriptor, self._size)
        try:
            write_all(self._descriptor, lines)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(lines)

    def check(self) -> None:
        """Notice that the file was removed (writing to it raises no error); restore it when its directory is back."""
        self._away = not self._is_in_place()
        if self._away:
            with contextlib.suppress(OSError):
                self._restore()
        if self._failure:
            self._drain()

    def _restore(self) -> None:
        """Put the journal back under its name."""
        self._claim()
        try:
            os.pread(self._descriptor, 1, 0)
        except OSError:  # the old file cannot be read: continue in the one under the name now
            descriptor = self._open()
        else:
            descriptor = self._copy()
        old, self._descriptor = self._descriptor, descriptor
        os.close(old)
        self._size, self._away = os.fstat(descriptor).st_size, False

    def _copy(self) -> int:
        """Copy the open file to the journal's name and return the open copy."""
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        copy = os.open(temporary, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            while data := os.pread(self._descriptor, 1 << 20, os.fstat(copy).st_size):
                write_all(copy, data)
            sync_file(copy)
            os.replace(temporary, self.path)
            sync_directory(self.path.parent)
        except OSError:
            os.close(copy)
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        return copy

    def sync(self) -> None:
        """Make the journal durable. Raises `OSError` where lines could not be written."""
        self._drain()
        if self.error:
            raise OSError(self.error)
        sync_file(self._descriptor)

    def close(self) -> None:
        """Write what can still be written, and close the file."""
        self._drain()
        self.check()
        with contextlib.suppress(OSError):
            sync_file(self._descriptor)
        os.close(self._descriptor)


def complete_length(path: Path) -> int:
    """Return the length of a journal up to the end of its last complete line, in bytes."""
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - (1 << 16))
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0


_TAIL_BYTES = 64
"""Bytes before a follower's position that it compares to notice that the journal was cut back."""


class Follower:
    """Reads a journal while it grows. Waits for incomplete lines; skips and counts damaged ones.

    When the journal is cut back, because the run resumed from a checkpoint, `cut` is set and nothing more is read.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.skipped = 0
        self.cut = False
        """Whether the journal was cut back to before the position of this follower."""
        self._rest = b""
        self._last = b""
        """The bytes before `offset`. If they differ now, the file was cut back and has grown again."""

    def read(self, limit: int = 1 << 20) -> list[AnyEvent]:
        """Read the events of the next `limit` bytes; empty where there is nothing new. Raises `OSError`."""
        # Reading events imports their models; listing runs does not.
        from tui_trainer.protocol.codec import decode_event

        with open(self.path, "rb") as file:
            file.seek(max(self.offset - len(self._last), 0))
            if file.read(len(self._last)) != self._last:
                self.cut = True
                return []
            file.seek(self.offset)
            data = file.read(limit)
        self.offset += len(data)
        self._last = (self._last + data)[-_TAIL_BYTES:]
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            self._rest, self.skipped = b"", self.skipped + 1
        events: list[AnyEvent] = []
        for line in lines:
            try:
                events.append(decode_event(line))
            except BadLine:
                self.skipped += 1
        return events

    def all(self) -> Iterator[AnyEvent]:
        """Yield every event up to the present end. Raises `OSError`."""
        while events := self.read():
            yield from events
        while not self.at_end() and not self.cut:
            yield from self.read()

    def at_end(self) -> bool:
        """Return whether the full file has been read."""
        try:
            return self.path.stat().st_size <= self.offset
        except OSError:
            return True


def read_events(path: Path) -> Iterator[AnyEvent]:
    """Yield every undamaged event of a journal, in order. Raises `OSError`."""
    return Follower(path).all()


def newest_lines(path: str | Path, limit: int = 4 << 20) -> Iterator[bytes]:
    """Yield the undamaged lines of the last `limit` bytes of a journal, the newest first."""
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        stop = max(0, end - limit)
        rest = b""
        while end > stop:
            start = max(stop, end - (1 << 14))
            file.seek(start)
            first, *lines = (file.read(end - start) + rest).split(b"\n")
            for line in reversed(lines):
                if line and verify(line):
                    yield line
            rest, end = first, start
        if end == 0 and rest and verify(rest):
            yield rest
