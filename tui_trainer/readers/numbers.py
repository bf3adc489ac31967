"""Numbers as other programs write them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from math import isfinite
from typing import Any

from tui_trainer.readers.reading import MAX_STEP

MISSING = frozenset(("", "none", "null", "na", "n/a", "-", "--"))
"""Texts of a cell without a value, in lower case."""
MANY = 256
"""Values from which on numpy is faster than Python."""


def worth_numpy(count: int) -> bool:
    """Return whether numpy handles so many values faster. Its import takes as long as a million of them in Python."""
    return count >= MANY and ("numpy" in sys.modules or count > 1 << 20)


def parse(cell: str) -> float | None:
    """Return the number in a cell, None where it holds none; a comma may stand for the decimal point."""
    try:
        return float(cell)
    except ValueError:
        pass
    text = cell.strip().strip('"')
    if text.casefold() in MISSING:
        return None
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        return None


def parse_column(cells: Sequence[str]) -> array[float] | None:
    """Return a column of plain numbers, None where one of its cells is not one."""
    try:
        return array("d", map(float, cells))
    except ValueError:
        return None


def step_of(value: Any) -> int | None:
    """Return a value as a step, None where it cannot be one."""
    try:
        step = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return step if 0 <= step < MAX_STEP else None


def all_finite(values: array[float]) -> bool:
    """Return whether none of the values is NaN or infinite."""
    if not worth_numpy(len(values)):
        return isfinite(sum(values)) or all(map(isfinite, values))
    import numpy as np

    return bool(np.isfinite(np.frombuffer(values, np.float64)).all())
