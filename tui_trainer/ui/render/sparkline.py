"""A curve in one row of text."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan

LEVELS = "▁▂▃▄▅▆▇█"
"""The characters from the smallest value to the largest."""
ASCII_LEVELS = "_.-'\""
"""The same in plain characters, which lie higher and higher in their cell."""


def sparkline(values: Sequence[float], width: int, ascii: bool = False) -> str:
    """Draw values as one row of exactly `width` cells.

    More values than cells are averaged cell by cell, fewer are joined by straight lines. A cell is blank where every
    value is NaN or infinite. The lowest level is the smallest finite value; equal values lie in the middle.

    Args:
        values: the values in their order.
        width: cells from left to right; below 1 the row is empty.
        ascii: draw in plain characters.
    """
    levels = ASCII_LEVELS if ascii else LEVELS
    cells = _cells(values, width)
    # Halves, because the difference of the largest floats overflows.
    known = [value / 2 for value in cells if isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    middle = (len(levels) - 1) // 2
    characters: list[str] = []
    for value in cells:
        if not isfinite(value):
            characters.append(" ")
        elif high > low:
            share = (value / 2 - low) / (high - low)
            characters.append(levels[min(int(share * len(levels)), len(levels) - 1)])
        else:
            characters.append(levels[middle])
    return "".join(characters)


def _cells(values: Sequence[float], width: int) -> list[float]:
    """Return one value for each cell, NaN for a gap."""
    count = len(values)
    if width < 1 or not count:
        return [nan] * max(width, 0)
    if count >= width:
        return [_mean(values[k * count // width : (k + 1) * count // width]) for k in range(width)]
    if width == 1 or count == 1:
        return [values[0]] * width
    return [_between(values, k * (count - 1) / (width - 1)) for k in range(width)]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if isfinite(value)]
    return sum(value / len(known) for value in known) if known else nan


def _between(values: Sequence[float], position: float) -> float:
    """Return the value at a position between two values; the nearer one beside a gap."""
    left = min(int(position), len(values) - 2)
    share = position - left
    one, other = values[left], values[left + 1]
    if isfinite(one) and isfinite(other):
        return one * (1 - share) + other * share
    return one if share < 0.5 else other
