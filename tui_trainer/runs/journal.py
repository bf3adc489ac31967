"""events.jsonl: everything that happened, in order, append-only. Each line is whole or ignored."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.protocol.checksum import MAX_LINE, BadLine, verify
from tui_trainer.runs.atomic_write import sync_directory, write_all

if TYPE_CHECKING:
    from tui_trainer.protocol.events import AnyEvent

TAKEN_AWAY = "the file has been taken away"
MAX_PENDING = 16 << 20
"""Bytes of lines that are held back while nothing can be written; older ones are lost first, and counted."""


class Journal:
    """The one writer of a journal.

    A line that cannot be written (a full disk) is held back and written later, in order, when it can be. A file that
    has been taken away goes on to be written where it lies now, and is written anew, from its first line, when its
    folder is back. `error` says what is the matter. Nothing here raises while training.
    """

    def __init__(self, path: Path, length: int | None = None, claim: Callable[[], None] = lambda: None) -> None:
        """Go on at the end of the journal, a torn last line cut off.

        Args:
            path: the file; made where it is missing.
            length: where to cut it, for a run that goes on from a checkpoint; the whole of it stays where None.
            claim: raises `OSError` where a new file may not be made under this name.
        """
        self.path = path
        self.lost = 0
        self._claim = claim
        self._failure = ""
        self._away = False
        self._pending: deque[bytes] = deque()
        self._pending_bytes = 0
        if length is not None:
            with contextlib.suppress(FileNotFoundError):
                os.truncate(path, min(length, path.stat().st_size))
        self._descriptor = self._open()
        self._size = os.fstat(self._descriptor).st_size

    @property
    def error(self) -> str:
        """Why something is not where it should be, empty where everything is."""
        return self._failure or (TAKEN_AWAY if self._away else "")

    def _open(self) -> int:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        os.ftruncate(descriptor, whole_length(self.path))
        return descriptor

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    def append(self, lines: bytes) -> None:
        """Write whole lines, and before them whatever had to wait."""
        self._pending.append(lines)
        self._pending_bytes += len(lines)
        while self._pending_bytes > MAX_PENDING:
            oldest = self._pending.popleft()
            self._pending_bytes -= len(oldest)
            self.lost += oldest.count(b"\n")
        self._drain()

    def _drain(self) -> None:
        try:
            while self._pending:
                self._write(self._pending[0])
                self._pending_bytes -= len(self._pending.popleft())
            self._failure = ""
        except OSError as error:
            self._failure = error.strerror or str(error)

    def _still_there(self) -> bool:
        """Whether the open file is the one under the journal's name."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self.path))
        except OSError:
            return False

    def _write(self, lines: bytes) -> None:
        if os.fstat(self._descriptor).st_size != self._size:  # half a line that could not be taken back at once
            os.ftruncate(self._descriptor, self._size)
        try:
            write_all(self._descriptor, lines)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(lines)

    def check(self) -> None:
        """Notice that the file has vanished from under its name (writing to it raises nothing), or is back there."""
        self._away = not self._still_there()
        if self._away:
            with contextlib.suppress(OSError):
                self._come_back()
        if self._failure:
            self._drain()

    def _come_back(self) -> None:
        """Write everything under the journal's name again."""
        self._claim()
        try:
            os.pread(self._descriptor, 1, 0)
        except OSError:  # the old file is out of reach: go on in the one that is there now
            descriptor = self._open()
        else:
            descriptor = self._copied()
        old, self._descriptor = self._descriptor, descriptor
        os.close(old)
        self._size, self._away = os.fstat(descriptor).st_size, False

    def _copied(self) -> int:
        """A whole copy of the open file under the journal's name, open."""
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        copy = os.open(beside, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            while data := os.pread(self._descriptor, 1 << 20, os.fstat(copy).st_size):
                write_all(copy, data)
            os.fsync(copy)
            os.replace(beside, self.path)
            sync_directory(self.path.parent)
        except OSError:
            os.close(copy)
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        return copy

    def sync(self) -> None:
        """Make what is written durable. Raises `OSError`."""
        self._drain()
        if self.error:
            raise OSError(self.error)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Write what can still be written, where it belongs, and close."""
        self._drain()
        self.check()
        with contextlib.suppress(OSError):
            os.fsync(self._descriptor)
        os.close(self._descriptor)


def whole_length(path: Path) -> int:
    """Bytes of a journal up to the end of its last whole line."""
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


_MARK = 64
"""Bytes by which a follower knows its place again."""


class Follower:
    """Reads a journal as it grows. Half a line is never returned; a line that is altered is skipped and counted.

    One whose journal is cut back, because the run went on from a checkpoint, says `cut` and reads no more.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.skipped = 0
        self.cut = False
        """Whether the journal was cut back before what had been read: from there on the file says something else."""
        self._rest = b""
        self._last = b""
        """The bytes before `offset`: where others stand there now, the file was cut and has grown again."""

    def read(self, limit: int = 1 << 20) -> list[AnyEvent]:
        """The events of the next `limit` bytes; empty where nothing new is there. Raises `OSError`."""
        # Only who reads events waits for their models: listing runs does not.
        from tui_trainer.protocol.codec import decode_event

        with open(self.path, "rb") as file:
            file.seek(max(self.offset - len(self._last), 0))
            if file.read(len(self._last)) != self._last:
                self.cut = True
                return []
            file.seek(self.offset)
            data = file.read(limit)
        self.offset += len(data)
        self._last = (self._last + data)[-_MARK:]
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
        """Every event up to the present end. Raises `OSError`."""
        while events := self.read():
            yield from events
        while not self.at_end() and not self.cut:
            yield from self.read()

    def at_end(self) -> bool:
        """Whether everything that is in the file has been read."""
        try:
            return self.path.stat().st_size <= self.offset
        except OSError:
            return True


def read_events(path: Path) -> Iterator[AnyEvent]:
    """Every whole event of a journal, in order. Raises `OSError`."""
    return Follower(path).all()


def newest_lines(path: Path, limit: int = 4 << 20) -> Iterator[bytes]:
    """The whole, unaltered lines of a journal from the last one back, as far as `limit` bytes."""
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
