"""The command queue of a run: filled by any thread, emptied between two batches."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from tui_trainer.protocol.commands import AnyCommand, Stop


class CommandQueue:
    """The commands for one run that have not been applied yet.

    The training loop reads `waiting`, a plain attribute, so that it takes no lock between two batches without commands.

    Args:
        wake: set with every command, for a trainer that waits.
    """

    def __init__(self, wake: threading.Event) -> None:
        self.waiting = False
        self.stops = 0
        """Number of requests to stop after the present batch; from the second on, validation is skipped."""
        self._commands: deque[AnyCommand] = deque()
        self._wake = wake

    def put(self, command: AnyCommand) -> None:
        """Append a command. Called from any thread."""
        self._commands.append(command)
        if isinstance(command, Stop) and command.when != "epoch":
            self.stops = max(self.stops + 1, 2 if command.when == "now" else 1)
        self.waiting = True
        self._wake.set()

    def take(self) -> AnyCommand | None:
        """Remove and return the oldest command; None if there is none."""
        try:
            return self._commands.popleft()
        except IndexError:
            self.waiting = False
            # A command that came between the two lines above must not wait for the next one.
            if self._commands:
                self.waiting = True
            return None

    def take_stops(self) -> list[Stop]:
        """Remove and return the stops that wait, oldest first; other commands keep waiting."""
        stops = [command for command in list(self._commands) if isinstance(command, Stop)]
        for stop in stops:
            self._commands.remove(stop)
        return stops

    def drop(self, unwanted: Callable[[AnyCommand], bool]) -> int:
        """Remove the commands that wait and are unwanted; returns how many."""
        found = [command for command in list(self._commands) if unwanted(command)]
        for command in found:
            self._commands.remove(command)
        return len(found)

    def rest(self, seconds: float) -> None:
        """Wait for `seconds`, or until a command comes."""
        self._wake.clear()
        if seconds > 0 and not self.waiting:
            self._wake.wait(seconds)

    def pending(self) -> list[AnyCommand]:
        """Return the waiting commands, oldest first."""
        return list(self._commands)

    @property
    def hurried(self) -> bool:
        """Whether a second stop request came: validation is skipped, saving is not."""
        return self.stops > 1
