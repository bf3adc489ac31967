"""A program on a terminal of its own, whose other end is a page in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Awaitable, Callable, Mapping, Sequence

MAX_CELLS = 1000
"""Most columns or rows of a terminal."""
END_SECONDS = 5.0
"""Time that the program has to leave after its terminal is gone."""


class PageTerminal:
    """Runs a program as a terminal would.

    Args:
        program: the program with its arguments.
        environment: variables for it besides those of this process.
        write: takes what the program prints.
        close: called when the program has ended.
    """

    def __init__(
        self,
        program: Sequence[str],
        environment: Mapping[str, str],
        write: Callable[[bytes], Awaitable[None]],
        close: Callable[[], Awaitable[object]],
    ) -> None:
        self._program, self._environment = program, environment
        self._write, self._close = write, close
        self._process: subprocess.Popen[bytes] | None = None
        self._master = -1
        self._reading: asyncio.Task[None] | None = None

    async def start(self, width: int, height: int) -> None:
        """Start the program on a terminal of this size."""
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._resize(width, height)
        known = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **self._environment}
        try:
            self._process = subprocess.Popen(
                self._program, stdin=slave, stdout=slave, stderr=slave, env=known, start_new_session=True
            )
        finally:
            os.close(slave)
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Pass on what the program prints, until it ends."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._master, ready.set)
        try:
            while True:
                await ready.wait()
                ready.clear()
                try:
                    data = os.read(self._master, 1 << 16)
                except BlockingIOError:
                    continue
                except OSError:  # the program has ended
                    break
                if not data:
                    break
                ready.set()
                await self._write(data)
        except (ConnectionError, RuntimeError):
            pass  # the page is gone
        finally:
            loop.remove_reader(self._master)
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._close()

    async def send_bytes(self, data: bytes) -> bool:
        """Give what was typed to the program."""
        with contextlib.suppress(OSError):
            os.write(self._master, data)
        return True

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Take the size of the page."""
        self._resize(width, height)

    def _resize(self, width: int, height: int) -> None:
        columns, rows = (min(max(int(number), 1), MAX_CELLS) for number in (width, height))
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def blur(self) -> None:
        """Say that the page is not looked at."""
        await self.send_bytes(b"\x1b[O")

    async def focus(self) -> None:
        """Say that the page is looked at."""
        await self.send_bytes(b"\x1b[I")

    async def stop(self) -> None:
        """Hang up: the program leaves, and a training goes on."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
            self._reading = None
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGHUP)
        os.close(self._master)
        for _ in range(int(END_SECONDS / 0.05)):
            if process.poll() is not None:
                return
            await asyncio.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
