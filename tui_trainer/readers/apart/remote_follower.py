"""Follow logs that another process reads; in this one where it cannot."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from typing import Any

from tui_trainer.readers.apart.frames import FrameReader
from tui_trainer.readers.apart.process import described
from tui_trainer.readers.find_logs import Log
from tui_trainer.readers.follower import LogFollower, LogNews
from tui_trainer.readers.reading import Rows, Unreadable
from tui_trainer.readers.sampling import MIN_BYTES

MAX_READ = 1 << 20
"""Bytes that are taken from the pipe at a time."""


class ReadingProcess:
    """A process that reads logs; its followers share it.

    Args:
        logs: the logs.
        told: the columns that the user told by role.
    """

    def __init__(self, logs: list[Log], told: Mapping[str, str]) -> None:
        """Start the process. Raises `OSError` where none can be started."""
        self.ended = False
        """Whether no more frames come."""
        self._frames = FrameReader()
        self._waiting: list[deque[tuple[dict[str, Any], LogNews]]] = [deque() for _ in logs]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tui_trainer.readers.apart.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        self._stdin, self._stdout = stdin, stdout
        with contextlib.suppress(OSError):
            stdin.write(described(logs, told))
            stdin.flush()
        os.set_blocking(stdout.fileno(), False)

    def next(self, at: int, seconds: float) -> tuple[dict[str, Any], LogNews] | None:
        """Return the next frame of a log, None where none comes within some seconds."""
        waiting = self._waiting[at]
        while not waiting and not self.ended and select.select([self._stdout], [], [], seconds)[0]:
            self._receive()
        return waiting.popleft() if waiting else None

    def _receive(self) -> None:
        try:
            data = os.read(self._stdout.fileno(), MAX_READ)
        except BlockingIOError:
            return
        if not data:
            self.ended = True
            self.close()
        for header, news in self._frames.add(data):
            self._waiting[header["log"]].append((header, news))

    def close(self) -> None:
        """End the process."""
        self.ended = True
        with contextlib.suppress(OSError):
            self._stdin.close()
        self._process.kill()
        self._process.wait()
        self._stdout.close()


class RemoteFollower:
    """One log of a reading process. Where that ends before it has read the log, the log is read here."""

    def __init__(self, process: ReadingProcess, at: int, log: Log, told: Mapping[str, str]) -> None:
        self.log = log
        self.fraction = 0.0
        """The fraction of the bytes that were read, up to the news that were returned last."""
        self._process, self._at, self._told = process, at, told
        self._here: LogFollower | None = None
        self._state: tuple[tuple[int, int], ...] = _state(log)
        self._read_all = False
        self._first: tuple[dict[str, Any], LogNews] | None = None

    def sampled(self, seconds: float) -> dict[str, Rows] | None:
        """Return samples, none for a short log, or None where they do not come within some seconds."""
        frame = self._process.next(self._at, seconds)
        if frame is None:
            return {} if self._process.ended else None
        if not frame[0].get("sample"):
            self._first = frame
            return {}
        return dict(frame[1].runs)

    def read(self, seconds: float = 0.0) -> LogNews | None:
        """Return the next columns, None where none come within some seconds. Raises `Unreadable`."""
        if self._here is not None:
            news = self._here.read()
            self.fraction = self._here.fraction
            return news
        frame, self._first = self._first or self._process.next(self._at, seconds), None
        if frame is not None:
            header, news = frame
            if "failed" in header:
                raise Unreadable(header["failed"])
            self.fraction, self._read_all = header["fraction"], self._read_all or news.at_end
            return news
        if not self._process.ended or (self._read_all and self._state == _state(self.log)):
            return None
        self._here = LogFollower(self.log, self._told)
        return LogNews(begun_again=True, at_end=False)

    def close(self) -> None:
        """End the process, for all of its logs."""
        self._process.close()


def followers(logs: list[Log], told: Mapping[str, str]) -> list[RemoteFollower] | None:
    """Return followers of logs in a process of its own; None for short ones, or where no process can be started."""
    try:
        if sum(path.stat().st_size for log in logs for path in log.files) < MIN_BYTES:
            return None
        process = ReadingProcess(logs, told)
    except OSError:
        return None
    return [RemoteFollower(process, at, log, told) for at, log in enumerate(logs)]


def _state(log: Log) -> tuple[tuple[int, int], ...]:
    """Return what a change of the log changes."""
    places = [*log.files, *([log.folder] if log.folder is not None else [])]
    states: list[tuple[int, int]] = []
    for path in places:
        with contextlib.suppress(OSError):
            status = path.stat()
            states.append((status.st_size, status.st_mtime_ns))
    return tuple(states)
