"""The serving side of a process that trains: an event bus, a socket for viewers, and the turns that move lines.

A host takes the turns in its main thread; a training script with a `Monitor` takes them in a thread of its own.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from tui_trainer.config.permissions.allow import Allow
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.server import Server
from tui_trainer.host.wheel.gate import Gate
from tui_trainer.platform_support import wake_pipe
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.wheel.given import given_allow
from tui_trainer.runs.run_list import write_run_list

SHUTDOWN_SECONDS = 5.0
"""Seconds that viewers have to receive what is queued for them when every run is over."""


def _ignoring_mask(call: Callable[[], None]) -> Callable[[int], None]:
    return lambda _mask: call()


class Serving:
    """Serves the viewers of some runs.

    Args:
        socket: path of the socket to listen on; empty to serve no other process.
        submit: queues a command for its runs, or returns the reason why it cannot; called in the serving thread.
        allow: the permissions of each kind of sender, where they are not those of the environment.
    """

    def __init__(self, socket: str, submit: Callable[[AnyCommand], str | None], allow: Allow | None = None) -> None:
        self._socket = socket
        self._selector = selectors.DefaultSelector()
        self._reader, self._writer = wake_pipe()
        self._selector.register(self._reader, selectors.EVENT_READ, self._drain_wake_pipe)
        # Keep the write end open while this object is referenced: a late wake() must not write to a reused descriptor.
        weakref.finalize(self, os.close, self._writer).atexit = False
        self._process = psutil.Process()
        self.bus = EventBus(self.wake)
        self.gate = Gate(self.bus, submit, allow or given_allow())
        self.server = Server(Path(socket), self.bus, self.gate.submit, self.gate.gone) if socket else None

    def register(self) -> None:
        """Have the turns of this thread serve viewers."""
        if self.server is not None:
            self.server.register(self._selector)

    def watch(self, file: Any, ready: Callable[[], None]) -> None:
        """Call a function in the turns whenever this file can be read."""
        self._selector.register(file, selectors.EVENT_READ, _ignoring_mask(ready))

    def unwatch(self, file: Any) -> None:
        """Look at this file no more."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(file)

    def wake(self) -> None:
        """Start the next turn of the serving thread now. Safe in any thread and in signal handlers."""
        with contextlib.suppress(OSError):
            os.write(self._writer, b"\0")

    def _drain_wake_pipe(self, _mask: int) -> None:
        with contextlib.suppress(OSError):
            os.read(self._reader, 1 << 16)

    def wait(self, timeout: float) -> None:
        """Wait for viewers, commands or `wake`, and take what arrived."""
        for key, mask in self._selector.select(timeout):
            key.data(mask)

    def send(self) -> None:
        """Write the journals, and send each viewer its queued lines. A wheel whose time is over is freed."""
        self.gate.expire()
        self.bus.flush()
        if self.server is not None:
            self.server.flush()

    def measure(self, runs: Sequence[str], device_memory: int) -> None:
        """Publish the memory and CPU that the process uses."""
        memory = self._process.memory_info().rss
        cpu = self._process.cpu_percent() / 100
        for run in runs:
            self.bus.publish(run, ev.ResourcesMeasured(memory=memory, device_memory=device_memory, cpu=round(cpu, 2)))

    def list_runs(self, runs: Sequence[Mapping[str, str]], *, starting: bool = False) -> None:
        """Write the runs into the list next to the socket, for commands in other processes."""
        if self.server is not None:
            write_run_list(Path(self._socket), runs, os.getpid(), starting=starting)

    def close(
        self,
        turn: Callable[[float], None],
        seconds: float = SHUTDOWN_SECONDS,
        *,
        busy: Callable[[], bool] = lambda: False,
        late: Callable[[], None] = lambda: None,
    ) -> None:
        """Send what is queued, then close journals and socket.

        Args:
            turn: takes one turn, waiting at most so many seconds.
            seconds: time that viewers have to receive what is queued.
            busy: whether something else has to be waited for.
            late: called when the time is over, or nothing has to be waited for.
        """
        deadline = monotonic() + seconds
        turn(0)
        while ((self.server is not None and not self.server.idle) or busy()) and monotonic() < deadline:
            turn(0.05)
        late()
        self.bus.close()
        if self.server is not None:
            self.server.close()
            with contextlib.suppress(OSError):
                Path(self._socket).with_suffix(".json").unlink()

    def release(self) -> None:
        """Close the descriptors of the turns."""
        self._selector.close()
        os.close(self._reader)
