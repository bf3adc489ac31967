"""The terminal device: write to it, and restore its original state."""

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
    "\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"  # line wrap, colours, the alternate screen, the cursor
    "\x1b[23;2t"  # the title that was kept; a terminal that keeps none ignores it
)
"""Escape sequences that switch off every mode that the screen may have set."""

GRACE = 2.0
"""Seconds that a clean exit may take after a signal before the terminal is restored by force."""


class Tty:
    """The terminal as the unbuffered file of the writer thread.

    Writes to a closed terminal are discarded and set `gone`; the input thread reports the hang-up.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.gone = False
        self.writing = False
        self.sent = 0
        """Bytes written so far."""

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self.descriptor

    def write(self, text: str) -> None:
        """Send all of `text`, waiting while the terminal does not read."""
        remaining = memoryview(text.encode("utf-8", "replace"))
        self.writing = True
        try:
            while remaining and not self.gone:
                remaining = remaining[self._send(remaining) :]
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
        """Do nothing: writes are unbuffered."""

    def size(self) -> tuple[int, int]:
        """Return columns and rows; 80 by 24 if the terminal does not report them."""
        try:
            columns, rows = os.get_terminal_size(self.descriptor)
        except OSError:
            return 80, 24
        return (columns, rows) if columns > 0 and rows > 0 else (80, 24)


class Rescue:
    """Restore the terminal when the screen cannot do it: keeps the modes found at the start."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._attributes: list[Any] | None
        try:
            self._attributes = termios.tcgetattr(descriptor)
        except termios.error:
            self._attributes = None
        self._disarmed = threading.Event()

    def restore(self) -> None:
        """Restore modes and screen, without waiting for a terminal that does not read."""
        # In a background process group, changing the modes would stop the process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        if self._attributes is not None:
            try:
                termios.tcsetattr(self._descriptor, termios.TCSANOW, self._attributes)
            except termios.error:
                return
        self._write_without_waiting(RESET.encode())

    def _write_without_waiting(self, data: bytes) -> None:
        try:
            # Open the device again: O_NONBLOCK on the shared file description would affect the shell too.
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
        """Restore the terminal and end the process after `after` seconds, unless `disarm` comes first."""

        def watch() -> None:
            if not self._disarmed.wait(after):
                self.restore()
                os._exit(exit_code)

        threading.Thread(target=watch, name="terminal-rescue", daemon=True).start()

    def disarm(self) -> None:
        """Cancel the rescue: the screen has ended by itself."""
        self._disarmed.set()
