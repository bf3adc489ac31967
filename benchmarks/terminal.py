"""A program on a pseudo-terminal whose output is read, counted and, on request, interpreted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic, sleep

import psutil
import pyte

CURSOR_QUERY = b"\x1b[6n"
SEQUENCE = re.compile(rb"\x1b(?:\[[0-9:;<=>?]*[ -/]*[@-~]?|\][^\x07]*\x07?|.?)")
"""A control sequence, possibly incomplete."""


class Terminal:
    """A pseudo-terminal with a program on it.

    Args:
        command: the command line.
        columns, rows: the size.
        environ: the environment.
        cwd: the working directory.
        interpret: whether to keep the screen as text; counting alone costs almost nothing.
        bytes_per_second: the speed of the line; 0 for unlimited.
    """

    def __init__(
        self,
        command: Sequence[str],
        columns: int,
        rows: int,
        environ: Mapping[str, str],
        cwd: str,
        *,
        interpret: bool = False,
        bytes_per_second: int = 0,
    ) -> None:
        self.sent: list[tuple[float, int]] = []
        """The time of `monotonic` and the number of bytes of each read."""
        self.screen = pyte.Screen(columns, rows)
        self.started = monotonic()
        self._stream = pyte.ByteStream(self.screen)
        self._head = b""
        self._first_text = 0.0
        self._interpret = interpret
        self._pace = bytes_per_second
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=cwd,
            env={**environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LINES": "", "COLUMNS": ""},
        )
        os.close(slave)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        size = max(self._pace // 20, 1) if self._pace else 1 << 16
        while True:
            try:
                data = os.read(self._master, size)
            except OSError:
                data = b""
            if not data:
                with self._changed:
                    self._changed.notify_all()
                return
            if CURSOR_QUERY in data:
                self.press("\x1b[1;1R")
            with self._changed:
                self.sent.append((monotonic(), len(data)))
                if not self._first_text:
                    self._head += data
                    if SEQUENCE.sub(b"", self._head).strip():
                        self._first_text = self.sent[-1][0]
                if self._interpret:
                    self._stream.feed(data)
                self._changed.notify_all()
            if self._pace:
                sleep(len(data) / self._pace)

    def press(self, keys: str) -> None:
        """Write keys to the terminal."""
        os.write(self._master, keys.encode())

    @property
    def text(self) -> str:
        """The text of the screen."""
        with self._lock:
            return "\n".join(self.screen.display)

    def wait(self, condition: Callable[[str], bool], seconds: float = 60.0) -> float:
        """Return the time of `monotonic` at which the condition came true for the screen, -1 after the time limit."""
        until = monotonic() + seconds
        with self._changed:
            while True:
                if condition("\n".join(self.screen.display)):
                    return self.sent[-1][0] if self.sent else monotonic()
                remaining = until - monotonic()
                if remaining <= 0:
                    return -1.0
                self._changed.wait(min(remaining, 0.5))

    def first_text(self, seconds: float = 30.0) -> float:
        """Return the time of `monotonic` at which the first text was drawn, -1 after the time limit."""
        until = monotonic() + seconds
        while not self._first_text and monotonic() < until:
            sleep(0.002)
        return self._first_text or -1.0

    def settled(self, quiet: float, after: float = 0.0, seconds: float = 10.0) -> float:
        """Return the time of the last bytes after `after`, once none have come for `quiet` seconds."""
        until = monotonic() + seconds
        while monotonic() < until:
            last = max(self.sent[-1][0] if self.sent else monotonic(), after)
            if monotonic() - last >= quiet:
                return last
            sleep(0.01)
        return self.sent[-1][0] if self.sent else 0.0

    def bytes_since(self, since: float) -> int:
        """Return the number of bytes since a time of `monotonic`."""
        return sum(count for at, count in list(self.sent) if at > since)

    def used(self) -> float:
        """Return the CPU seconds of the program, without its children."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def memory(self) -> float:
        """Return the resident MiB of the program, without its children."""
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def close(self) -> None:
        """Kill the program and its children."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(10)
        # The hang-up wakes the reader; close the descriptor only after it has returned.
        self._thread.join(5)
        with contextlib.suppress(OSError):
            os.close(self._master)
