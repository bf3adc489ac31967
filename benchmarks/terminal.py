"""A program in a terminal of its own: what it writes is read, counted and, where somebody must look, interpreted."""

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

ASKED = b"\x1b[6n"
SEQUENCE = re.compile(rb"\x1b(?:\[[0-9:;<=>?]*[ -/]*[@-~]?|\][^\x07]*\x07?|.?)")
"""A sequence that says nothing to be read, as far as it has come."""


class Terminal:
    """A pseudo terminal with a program on it.

    Args:
        command: the program.
        columns, rows: its size.
        environ: its environment.
        cwd: where it runs.
        interpret: whether what it shows is known as text; counting alone costs nearly nothing.
        bytes_per_second: how fast the line takes what is written; 0 for at once.
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
        """When so many bytes came."""
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
            if ASKED in data:
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
        """Type."""
        os.write(self._master, keys.encode())

    @property
    def text(self) -> str:
        """What stands on the screen."""
        with self._lock:
            return "\n".join(self.screen.display)

    def wait(self, condition: Callable[[str], bool], seconds: float = 60.0) -> float:
        """When the screen first showed it (of `monotonic`), looked at as it changes; -1 where it did not in time."""
        until = monotonic() + seconds
        with self._changed:
            while True:
                if condition("\n".join(self.screen.display)):
                    return self.sent[-1][0] if self.sent else monotonic()
                left = until - monotonic()
                if left <= 0:
                    return -1.0
                self._changed.wait(min(left, 0.5))

    def first_text(self, seconds: float = 30.0) -> float:
        """When the first word was drawn, whatever modes were set before; -1 where none was in time."""
        until = monotonic() + seconds
        while not self._first_text and monotonic() < until:
            sleep(0.002)
        return self._first_text or -1.0

    def settled(self, quiet: float, after: float = 0.0, seconds: float = 10.0) -> float:
        """When the last bytes came, once none have come for `quiet` seconds; those before `after` do not count."""
        until = monotonic() + seconds
        while monotonic() < until:
            last = max(self.sent[-1][0] if self.sent else monotonic(), after)
            if monotonic() - last >= quiet:
                return last
            sleep(0.01)
        return self.sent[-1][0] if self.sent else 0.0

    def bytes_since(self, since: float) -> int:
        """Bytes that came after a moment."""
        return sum(count for at, count in list(self.sent) if at > since)

    def used(self) -> float:
        """Processor seconds of the program itself."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def memory(self) -> float:
        """Resident MiB of the program itself."""
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def close(self) -> None:
        """End the program and everything that it started and that is still its child."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(10)
        # The reader is woken by the hang-up; the descriptor must not be closed under it.
        self._thread.join(5)
        with contextlib.suppress(OSError):
            os.close(self._master)
