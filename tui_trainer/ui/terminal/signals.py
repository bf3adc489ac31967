"""Signals that end the screen: it leaves in order, or its terminal is taken from it."""

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
    """While inside: the first such signal calls `leave(number)` and arms the rescue, a second one ends the process.

    A plain handler and not the event loop's own: that one would wait for a loop which may be what hangs. `leave` is
    called between two instructions of the main thread and must only schedule.
    """
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if seen:
            rescue.restore()
            os._exit(128 + number)
        seen.append(number)
        rescue.arm(128 + number)
        leave(number)

    before: dict[signal.Signals, Any] = {}
    for number in ENDING:
        # One that the parent had ignored (nohup) stays ignored: the end of the input says that the terminal is gone.
        if (was := signal.getsignal(number)) is not signal.SIG_IGN:
            before[number] = was
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)
