"""Where commands wait for the trainer: filled by any thread, emptied between two batches."""

from __future__ import annotations

import threading
from collections import deque

from tui_trainer.protocol.commands import AnyCommand, Stop


class CommandQueue:
    """The commands for one run that have not been obeyed yet.

    The hot loop reads `waiting`, a plain attribute: no lock is taken between two batches when nobody asked anything.
    """

    def __init__(self, wake: threading.Event) -> None:
        self.waiting = False
        self.stops = 0
        """How many times somebody asked to stop after the batch in hand; the second time work is cut short."""
        self._commands: deque[AnyCommand] = deque()
        self._wake = wake

    def put(self, command: AnyCommand) -> None:
        """Ask for something. Called from any thread."""
        self._commands.append(command)
        if isinstance(command, Stop) and command.when == "batch":
            self.stops += 1
        self.waiting = True
        self._wake.set()

    def take(self) -> AnyCommand | None:
        """The oldest command, None where there is none."""
        try:
            return self._commands.popleft()
        except IndexError:
            self.waiting = False
            # One that came between the two lines above must not wait for the next.
            if self._commands:
                self.waiting = True
            return None

    def rest(self, seconds: float) -> None:
        """Wait so long, or until somebody asks for something."""
        self._wake.clear()
        if seconds > 0 and not self.waiting:
            self._wake.wait(seconds)

    def pending(self) -> list[AnyCommand]:
        """What waits, oldest first."""
        return list(self._commands)

    @property
    def hurried(self) -> bool:
        """Whether somebody asked a second time: validation and restoring are skipped, saving is not."""
        return self.stops > 1
