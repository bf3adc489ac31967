"""Maps of classes: half a cell is one point, shaded by certainty; characters where cells have no background."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tui_trainer.ui.charts.model import Regions
from tui_trainer.ui.charts.palette import RUNS, TONES, Role
from tui_trainer.ui.render.raster import Canvas

SEAM = 0.3
"""Certainty below which a cell without colours is blank, so that the boundary is visible."""
Point = tuple[int, float]
"""Class and certainty."""


def region_tones(regions: Regions, canvas: Canvas) -> Iterator[tuple[int, int, Role, Role]]:
    """Yield the cells of the plane: column, row from the bottom, tones of the upper and of the lower half."""
    points = _points(regions, canvas.columns, canvas.rows * 2, _bounds(canvas))
    for row in range(canvas.rows):
        for column in range(canvas.columns):
            lower, upper = points[2 * row][column], points[2 * row + 1][column]
            if lower is None and upper is None:
                continue
            bottom, top = _tone(lower or upper), _tone(upper or lower)
            if bottom is not None and top is not None:
                yield column, row, top, bottom


def region_characters(regions: Regions, canvas: Canvas) -> dict[tuple[int, int], tuple[str, Role]]:
    """Return the cells of the plane as one character for each class, blank along the boundaries."""
    cells: dict[tuple[int, int], tuple[str, Role]] = {}
    shades = canvas.glyphs.shades
    points = _points(regions, canvas.columns, canvas.rows, _bounds(canvas))
    for row, line in enumerate(points):
        for column, point in enumerate(line):
            if point is None:
                continue
            index, certainty = point
            character = " " if certainty < SEAM else shades[1 + index % (len(shades) - 1)]
            cells[column, row] = character, RUNS[index % len(RUNS)]
    return cells


def _bounds(canvas: Canvas) -> tuple[float, float, float, float]:
    return canvas.x.low, canvas.x.high, canvas.y.low, canvas.y.high


@cache
def _tone(point: Point | None) -> Role | None:
    if point is None:
        return None
    tones = TONES[point[0] % len(TONES)]
    return tones[min(int(point[1] * len(tones)), len(tones) - 1)]


def _points(
    regions: Regions, columns: int, rows: int, bounds: tuple[float, float, float, float]
) -> list[list[Point | None]]:
    """Return class and certainty at the middle of each of `columns` x `rows` parts of the plot, lowest row first."""
    left, right, bottom, top = bounds
    down, across = len(regions.classes), len(regions.classes[0])
    (x_low, x_high), (y_low, y_high) = regions.x, regions.y
    us = [((left + (right - left) * (k + 0.5) / columns) - x_low) / (x_high - x_low) for k in range(columns)]
    vs = [((bottom + (top - bottom) * (k + 0.5) / rows) - y_low) / (y_high - y_low) for k in range(rows)]
    signed = _signed(regions)
    lines: list[list[Point | None]] = []
    for v in vs:
        line: list[Point | None] = []
        for u in us:
            if not (0 <= u <= 1 and 0 <= v <= 1):
                line.append(None)
                continue
            x, y = u * (across - 1), v * (down - 1)
            if signed is not None:
                line.append(_between(signed, x, y))
                continue
            index = regions.classes[round(y)][round(x)]
            certainty = regions.certainty[round(y)][round(x)] if regions.certainty else 1.0
            line.append(None if index is None else (int(index), _rounded(1.0 if certainty is None else certainty)))
        lines.append(line)
    return lines


def _signed(regions: Regions) -> list[list[float]] | None:
    """Return the certainty of two classes as one number from -1 to 1, None for more classes or missing values."""
    if regions.count != 2 or not regions.certainty:
        return None
    lines: list[list[float]] = []
    for classes, certainties in zip(regions.classes, regions.certainty, strict=True):
        if None in classes or None in certainties:
            return None
        pairs = zip(classes, certainties, strict=True)
        lines.append([(certainty or 0.0) * (1 if index else -1) for index, certainty in pairs])
    return lines


def _between(signed: list[list[float]], x: float, y: float) -> Point:
    """Interpolate the certainty of two classes between four points of the grid."""
    i, j = min(int(x), len(signed[0]) - 2), min(int(y), len(signed) - 2)
    u, v = x - i, y - j
    low, high = signed[j], signed[j + 1]
    value = (low[i] * (1 - u) + low[i + 1] * u) * (1 - v) + (high[i] * (1 - u) + high[i + 1] * u) * v
    return int(value > 0), _rounded(abs(value))


def _rounded(certainty: float) -> float:
    return min(int(certainty * 16), 15) / 16
