"""The script itself: a process group of its own on a terminal of its own, with standard input at its end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from tui_trainer.platform_support import hang_up_with_parent

SHIM = Path(__file__).parent / "shim"
"""Put first on PYTHONPATH of the script."""
COLUMNS, ROWS = 120, 30
"""Size of the terminal of the script."""
ORDER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
"""The signals that end a script, one after the other."""
GRACE = 10.0
"""Seconds after a signal that was to end the script, before the next one is sent."""
LEAVING_GRACE = 60.0
"""The same once the process that trained says no more: what Python imported for it is cleared away, which may take long
on a machine that is busy."""
MAX_READ = 1 << 16


class Child:
    """A script that runs.

    Args:
        command: the script with its arguments.
        environment: changes of the environment.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        os.set_inheritable(self.master, False)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        settings = termios.tcgetattr(slave)
        settings[1] &= ~termios.OPOST  # what the script writes arrives as it was written
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
                preexec_fn=_beginning(),
                env={**os.environ, **environment},
            )
        finally:
            os.close(slave)
        self.closed = False
        """Whether nothing can be printed any more."""
        self._sent = -1
        self._sent_at = 0.0

    def read(self) -> bytes:
        """Return what was printed since the last call, a part at a time; empty for nothing."""
        try:
            return os.read(self.master, MAX_READ)
        except BlockingIOError:
            return b""
        except OSError:  # every process of the script has closed the terminal
            self.closed = True
            return b""

    @property
    def exit_code(self) -> int | None:
        """The exit code as a shell gives it, 128 and the number of a signal; None while the script runs."""
        code = self.process.poll()
        return code if code is None or code >= 0 else 128 - code

    @property
    def killed_by(self) -> str:
        """The signal that ended the script; empty without one."""
        code = self.process.returncode
        return signal.Signals(-code).name if code is not None and code < 0 else ""

    def end(self, number: signal.Signals | None = None) -> str:
        """Send the next signal that ends a script, or this one, to its group. Returns the name of the signal."""
        at = ORDER.index(number) if number in ORDER else self._sent + 1
        self._sent = min(max(at, self._sent + (number is None)), len(ORDER) - 1)
        sent = ORDER[self._sent]
        self._sent_at = monotonic()
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, sent)
        return sent.name

    def insist(self, *, leaving: bool = False) -> str:
        """Send the next signal where the last one had no effect for long. Returns its name; empty for none.

        Args:
            leaving: whether the process that trained has ended its run, and is on its way out.
        """
        grace = LEAVING_GRACE if leaving else GRACE
        if self._sent < 0 or self._sent == len(ORDER) - 1 or monotonic() < self._sent_at + grace:
            return ""
        return self.end()

    def close(self) -> None:
        """Close the terminal."""
        with contextlib.suppress(OSError):
            os.close(self.master)


def _beginning() -> Callable[[], None]:
    """Return what the new process does first: it sees to it that it is hung up if the watching process is killed.

    That the terminal is its own does so as soon as the last thread of the watching process has closed the other end; a
    thread that waits for a disk keeps it open. The kernel's own word comes when the main thread is gone.
    """
    hang_up = hang_up_with_parent()

    def begin() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts jobs in the background with it ignored
        with contextlib.suppress(OSError):
            fcntl.ioctl(1, termios.TIOCSCTTY, 0)
        hang_up()

    return begin
