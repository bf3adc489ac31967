"""Objects of a script that a trial cannot put back, by the names that its loop has for them."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from torch import nn

from tui_trainer.monitor.trying.randomness import is_generator

PACKAGE = str(Path(__file__).parents[2])
NAMED = 6
"""Names that are told."""
_COUNTS = (list, dict, set, deque)


class LoopVariables:
    """The variables of the loop, and of the object whose method it is.

    Args:
        frame: a frame of this package, below that of the loop.
        known: objects that are put back, or are no part of the training.
    """

    def __init__(self, frame: FrameType | None, known: Iterable[Any]) -> None:
        while frame is not None and _is_between(frame):
            frame = frame.f_back
        variables = _variables(frame) if frame is not None else {}
        handed = {id(each) for each in known}
        self._counts = _counts(variables)
        self.generators: list[Any] = [value for value in variables.values() if is_generator(value)]
        """Random number generators among them."""
        self.with_state = [
            name
            for name, value in variables.items()
            if id(value) not in handed and not is_generator(value) and _has_state(value)
        ]
        """Names of objects that have a state and were not handed to the monitor."""

    def changed(self, frame: FrameType | None) -> list[str]:
        """Return the names of numbers and collections that have changed since."""
        after = LoopVariables(frame, ())._counts
        return [name for name, value in self._counts.items() if name in after and after[name] != value]


def named(names: list[str]) -> str:
    """Return names as a list in words, at most a few of them."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _is_between(frame: FrameType) -> bool:
    """Return whether a frame belongs to this package, or to a generator such as a progress bar."""
    return frame.f_code.co_filename.startswith(PACKAGE) or bool(frame.f_code.co_flags & inspect.CO_GENERATOR)


def _variables(frame: FrameType) -> dict[str, Any]:
    own = frame.f_locals
    variables = dict(own)
    if own is not frame.f_globals:
        own.clear()  # the dict stays with the frame, and would hold a loss and its graph
    holder = variables.get("self")
    if holder is not None and hasattr(holder, "__dict__"):
        variables |= {f"self.{name}": value for name, value in vars(holder).items()}
    used = set(frame.f_code.co_names)
    variables |= {name: value for name, value in frame.f_globals.items() if name in used and name not in variables}
    return {
        name: value
        for name, value in variables.items()
        if not name.startswith("__") and not isinstance(value, (type, ModuleType))
    }


def _has_state(value: Any) -> bool:
    if isinstance(value, nn.Module):
        return any(True for _ in value.parameters()) or any(True for _ in value.buffers())
    return all(callable(getattr(value, name, None)) for name in ("state_dict", "load_state_dict"))


def _counts(variables: dict[str, Any]) -> dict[str, float]:
    """Return numbers as they are, and collections by their length."""
    found: dict[str, float] = {}
    for name, value in variables.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = value
        elif isinstance(value, _COUNTS):
            found[name] = len(value)
    return found
