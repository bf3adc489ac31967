"""A pseudo-terminal with a program in it: its screen, its output and its terminal modes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyte

ROOT = Path(__file__).parents[3]


class Pseudo:
    """A program in a pseudo-terminal, whose output is read while the test waits for something."""

    def __init__(self, *command: str, size: tuple[int, int] = (100, 30), **environ: str) -> None:
        self.columns, self.rows = size
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.status: int | None = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            usual = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
            usual["TUI_TRAINER_SPARE"] = "0"
            kept = {
                name: os.environ[name] for name in ("PATH", "HOME", "XDG_STATE_HOME", "TMPDIR") if name in os.environ
            }
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)  # a program keeps what nohup or a background job ignores
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            os.execve(command[0], [*command], {**kept, **usual, **environ})
        self.before = termios.tcgetattr(self.fd)

    @classmethod
    def viewer(cls, mode: str = "usual", **options: Any) -> Pseudo:
        """Start the viewer in a pseudo-terminal."""
        return cls(sys.executable, "-m", "tests.ui.terminal.viewer", mode, **options)

    def read(self, seconds: float = 0.05) -> bool:
        """Read output that comes within `seconds`, a few kilobytes at most. Returns whether there was any."""
        try:
            if select.select([self.fd], [], [], seconds)[0]:
                data = os.read(self.fd, 65536)
                self.raw += data
                self._stream.feed(data.replace(b"\x1b[>", b"\x1b[?").replace(b"\x1b[<u", b""))
                return bool(data)
        except OSError:
            pass
        return False

    def quiet(self, seconds: float = 1.5) -> None:
        """Read until there is no output for `seconds`."""
        size = -1
        while len(self.raw) != size:
            size = len(self.raw)
            self.read(seconds)

    def until(self, condition: Callable[[], object], seconds: float = 120.0) -> None:
        """Read until a condition holds; fail after `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds:g} s:\n{self.text}"
            self.read()

    @property
    def text(self) -> str:
        """The text on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def shows(self, text: str, seconds: float = 120.0) -> None:
        """Wait until the screen shows a text."""
        self.until(lambda: text in self.text, seconds)

    def press(self, keys: str | bytes) -> None:
        """Type keys."""
        os.write(self.fd, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns: int, rows: int) -> None:
        """Resize the terminal."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)
        os.kill(self.pid, signal.SIGWINCH)

    def kill(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def ended(self) -> bool:
        """Return whether the program has ended; `status` is then its exit code, negative for a signal."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def leave(self, seconds: float = 120.0) -> int:
        """Wait for the end, read the remaining output and return the exit code."""
        self.until(self.ended, seconds)
        while self.read():  # a frame is more than one read
            pass
        assert self.status is not None
        return self.status

    def restored(self) -> bool:
        """Return whether modes, screen, cursor and mouse of the terminal are as before the program."""
        modes = termios.tcgetattr(self.fd)[:4] == self.before[:4]
        pairs = [(b"?1049h", b"?1049l"), (b"?25l", b"?25h"), (b"?1000h", b"?1000l"), (b"?2004h", b"?2004l")]
        return modes and all(self.raw.rfind(off) > self.raw.rfind(on) for on, off in pairs)

    def close(self) -> None:
        """Kill the program if it still runs, and close the terminal."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
