"""Lines of equal value over a plane, by marching squares (Lorensen and Cline 1987, in two dimensions)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

Grid = tuple[tuple[float | None, ...], ...]
Ends = tuple[float, float]
Segment = tuple[tuple[float, float], tuple[float, float]]
"""The positions of the two ends on both axes: (x, x) and (y, y)."""


@lru_cache(maxsize=16)
def contour_lines(values: Grid, levels: tuple[float, ...], x: Ends, y: Ends) -> tuple[Segment, ...]:
    """Return the segments of the lines at `levels`.

    Args:
        values: values on an even grid, lowest row first; segments near missing values are left out.
        levels: the values of the lines.
        x: the ends of the grid from left to right.
        y: the ends of the grid from bottom to top.
    """
    width, height = (x[1] - x[0]) / (len(values[0]) - 1), (y[1] - y[0]) / (len(values) - 1)
    segments: list[Segment] = []
    for row, (low, high) in enumerate(pairwise(values)):
        for column in range(len(low) - 1):
            corners = low[column], low[column + 1], high[column + 1], high[column]
            for (u, v), (to_u, to_v) in _in_cell(corners, levels):
                xs = x[0] + (column + u) * width, x[0] + (column + to_u) * width
                ys = y[0] + (row + v) * height, y[0] + (row + to_v) * height
                segments.append((xs, ys))
    return tuple(segments)


_EDGES = (((0, 0), (1, 0)), ((1, 0), (1, 1)), ((1, 1), (0, 1)), ((0, 1), (0, 0)))
"""The corners of a cell at the ends of each of its edges, in the order of the corners."""


def _in_cell(
    corners: tuple[float | None, ...], levels: tuple[float, ...]
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Yield the segments within one cell, from 0 to 1 on both axes."""
    known = [value for value in corners if value is not None]
    if len(known) < 4:
        return
    lowest, highest = min(known), max(known)
    for level in levels:
        if not lowest < level <= highest:
            continue
        crossings: list[tuple[float, float]] = []
        for index, ((u, v), (to_u, to_v)) in enumerate(_EDGES):
            one, other = known[index], known[(index + 1) % 4]
            if (one < level) != (other < level):
                share = (level - one) / (other - one)
                crossings.append((u + (to_u - u) * share, v + (to_v - v) * share))
        for start in range(0, len(crossings) - 1, 2):
            yield crossings[start], crossings[start + 1]
