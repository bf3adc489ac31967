"""Monitors and their process: they do nothing in a process that was forked from it, and are closed at its exit."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol


class Closing(Protocol):
    """A monitor, as far as its process is concerned."""

    def forked(self) -> None:
        """Do nothing from now on: the run belongs to the parent."""
        ...

    def close(self) -> None:
        """End the run."""
        ...


_ACTIVE: weakref.WeakSet[Closing] = weakref.WeakSet()
"""The monitors of this process."""


def close_at_exit(monitor: Closing) -> None:
    """Close a monitor when its process exits, unless it is gone by then."""
    _ACTIVE.add(monitor)
    atexit.register(_close, weakref.ref(monitor))


def _close(monitor: weakref.ref[Closing]) -> None:
    alive = monitor()
    if alive is not None:
        alive.close()


def _leave_to_parent() -> None:
    """Have the monitors do nothing in a process that was forked."""
    for monitor in list(_ACTIVE):
        monitor.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
