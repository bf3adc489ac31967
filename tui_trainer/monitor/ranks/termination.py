"""SIGTERM among processes that train together: a launcher sends it to all others when one has failed.

A script that does not handle it would be gone without a word. It is turned into the exit that it asks for, so that the
run is closed, and its reason written down, on the way out.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from typing import Any

CODE = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """The exit that SIGTERM asks for."""

    signalled = "SIGTERM"


def end_orderly() -> None:
    """Have SIGTERM end this process through its `with` blocks, where the script has no handler of its own."""
    if threading.current_thread() is not threading.main_thread():
        return
    with contextlib.suppress(ValueError, OSError):
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _terminate)


_RAISED: list[Terminated] = []


def _terminate(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one comes while the end is written
    _RAISED.append(Terminated(CODE))
    raise _RAISED[0]


def raised() -> Terminated | None:
    """Return the exit that SIGTERM asked for in this process; None where none came."""
    return _RAISED[0] if _RAISED else None


@contextlib.contextmanager
def undisturbed(*, failed: bool) -> Generator[None]:
    """Hold interrupts and SIGTERM off while the end of the run is written: a launcher sends them at any moment.

    Args:
        failed: whether the process ends by an error anyway; else SIGTERM takes effect afterwards.
    """
    held: list[int] = []
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        with contextlib.suppress(ValueError, OSError):
            before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
            if signal.getsignal(signal.SIGTERM) is _terminate:
                before[signal.SIGTERM] = signal.signal(signal.SIGTERM, lambda number, _frame: held.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held and not failed:
            signal.raise_signal(held[0])
