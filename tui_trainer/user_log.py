"""`tui_trainer.log(name, value)`: numbers that a user's own code records during a training step."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class _Active(threading.local):
    """The receiver of the step that this thread takes at present; None outside of a step."""

    receive: Callable[[str, Any], None] | None = None


ACTIVE = _Active()


def log(name: str, value: Any) -> None:
    """Record a number of the present training step as a series of the run.

    The number is a float, an int or a tensor with one element, which is detached and stays on its device: nothing waits
    for it here. Several calls with one name in a step give their mean. A name `axis/...` counts instead: its values are
    added up over the run, and a chart can use the sum as its x axis. Outside of a training step (validation, step
    probes, another program) the call does nothing.

    Args:
        name: `group/name`, such as `reward/mean`.
        value: the number.

    Raises:
        ValueError: the name is not printable, too long, or used by the program itself; or the value is no number.
    """
    receive = ACTIVE.receive
    if receive is not None:
        receive(name, value)
