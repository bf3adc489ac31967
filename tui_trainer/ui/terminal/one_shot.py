"""A timer that fires once, whatever the load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.message_pump import MessagePump
from textual.timer import Timer


def call_after(target: MessagePump, seconds: float, callback: Callable[[], Any]) -> Timer:
    """Call a function once after some seconds.

    Textual's `set_timer` never calls it where the process is held up for that long between two lines of the timer: a
    late tick is skipped, and this timer has no other. With 5 ms, another thread with the interpreter's lock is enough.
    """
    timer = target.set_timer(seconds, callback)
    timer._skip = False  # pyright: ignore[reportPrivateUsage]  # its task has not begun yet
    return timer
