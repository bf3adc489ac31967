"""The terminal as something to write to, and to hand back as it was."""

from __future__ import annotations

import os
import select
import signal
import termios
import threading
from typing import Any

RESET = (
    "\x1b[?2026l"  # synchronised output
    "\x1b[<u"  # kitty keyboard
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # mouse
    "\x1b[?1004l\x1b[?2004l\x1b[?2048l"  # focus, bracketed paste, resize reports
    "\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"  # line wrap, colours, the other screen, the cursor
)
"""Every mode that the screen may have set, off again."""

GRACE = 2.0
"""Seconds that an orderly exit may take after a signal before the terminal is handed back without it."""


class Tty:
    """A descriptor of the terminal as the file that the writer thread writes to.

    What is written goes out at once. A terminal that is gone swallows it: that is noticed by who reads.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.gone = False
        self.writing = False
        self.sent = 0
        """Bytes written so far."""

    def fileno(self) -> int:
        """The descriptor."""
        return self.descriptor

    def write(self, text: str) -> None:
        """Send all of `text`, waiting for as long as the terminal does not read."""
        left = memoryview(text.encode("utf-8", "replace"))
        self.writing = True
        try:
            while left and not self.gone:
                left = left[self._send(left) :]
        finally:
            self.writing = False

    def _send(self, data: memoryview) -> int:
        try:
            count = os.write(self.descriptor, data)
        except BlockingIOError:
            select.select([], [self.descriptor], [], 0.5)
            return 0
        except OSError:
            self.gone = True
            return 0
        self.sent += count
        return count

    def flush(self) -> None:
        """Nothing is ever held back."""

    def size(self) -> tuple[int, int]:
        """Columns and rows; 80 by 24 where the terminal does not say."""
        try:
            columns, rows = os.get_terminal_size(self.descriptor)
        except OSError:
            return 80, 24
        return (columns, rows) if columns > 0 and rows > 0 else (80, 24)


class Rescue:
    """Remembers the terminal as it was found, and puts it back when the screen itself no longer can."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._attributes: list[Any] | None
        try:
            self._attributes = termios.tcgetattr(descriptor)
        except termios.error:
            self._attributes = None
        self._safe = threading.Event()

    def restore(self) -> None:
        """Put modes and screen back, without ever waiting for a terminal that does not read."""
        # From a background process group the terminal would stop us for touching its modes.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        if self._attributes is not None:
            try:
                termios.tcsetattr(self._descriptor, termios.TCSANOW, self._attributes)
            except termios.error:
                return
        self._write_without_waiting(RESET.encode())

    def _write_without_waiting(self, data: bytes) -> None:
        try:
            # A description of its own: making the shared one non-blocking would make the shell's so too.
            fresh = os.open(os.ttyname(self._descriptor), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            return
        try:
            os.write(fresh, data)
        except OSError:
            pass
        finally:
            os.close(fresh)

    def arm(self, exit_code: int, after: float = GRACE) -> None:
        """Unless `stand_down` comes first, put the terminal back in `after` seconds and end the process."""

        def watch() -> None:
            if not self._safe.wait(after):
                self.restore()
                os._exit(exit_code)

        threading.Thread(target=watch, name="terminal-rescue", daemon=True).start()

    def stand_down(self) -> None:
        """The screen has left by itself."""
        self._safe.set()
