"""Handlers for the signals that end the screen."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tui_trainer.ui.terminal.tty import Rescue

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


@contextmanager
def ending_signals(rescue: Rescue, leave: Callable[[int], None]) -> Generator[None]:
    """Handle `ENDING` signals inside the context.

    The first signal calls `leave(number)` and arms the rescue; a second one restores the terminal and ends the process.
    The handlers are not those of the event loop, because the loop may be the part that hangs. `leave` runs between two
    instructions of the main thread, so it must only schedule work.
    """
    seen: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if seen:
            rescue.restore()
            os._exit(128 + number)
        seen.append(number)
        rescue.arm(128 + number)
        leave(number)

    before: dict[signal.Signals, Any] = {}
    for number in ENDING:
        # A signal that the parent ignores (nohup) stays ignored: end of input reports a closed terminal.
        if (previous := signal.getsignal(number)) is not signal.SIG_IGN:
            before[number] = previous
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
