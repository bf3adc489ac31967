"""The rasteriser: curves as dots on a canvas finer than terminal cells, and sets of dots as characters."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from typing import Literal

from tui_trainer.ui.charts.model import Curve, Field, Scale, Sign, Trail
from tui_trainer.ui.charts.palette import DIM_RUNS, FRONT_RUNS, LAYERS, RUNS, Role

DASH, GAP = 3, 2
"""Cells of a dash with its gap, and the position of the gap."""

GlyphName = Literal["braille", "block", "ascii"]


@dataclass(frozen=True, eq=False)
class Glyphs:
    """The character set of a chart.

    Attributes:
        across: dots in a cell from left to right.
        up: dots in a cell from bottom to top.
        table: the character for each set of dots, one bit for each dot: left column first, from the bottom up.
        signs: the character of each sign.
        level: the character of horizontal reference lines.
        mark: the character of vertical lines of interventions.
        cursor: the character of the cursor line.
        shaded: the character of the horizontal axis under a shaded stretch.
        foot: the character of a vertical line without a letter where it meets the axis.
        rule: the character of the line in the title.
        frame: translation of the axis characters, None to keep them.
        letters: the character of a role's curve in character sets without dots.
        shades: from empty to full, so that a field is readable without colours.
    """

    across: int
    up: int
    table: str
    signs: Mapping[Sign, str]
    level: str = "╌"
    mark: str = "┊"
    cursor: str = "┃"
    foot: str = "┻"
    shaded: str = "━"
    rule: str = "─"
    frame: Mapping[int, int] | None = None
    letters: Mapping[Role, str] | None = None
    shades: str = " ·░▒▓█"

    def curve_character(self, dots: int, role: Role) -> str:
        """Return the character for a set of dots of a curve."""
        return self.table[dots] if self.letters is None else self.letters.get(role, "*")

    def shade(self, index: int, count: int) -> str:
        """Return the character of shade `index` of `count`."""
        return self.shades[index * (len(self.shades) - 1) // max(count - 1, 1)]


_SIGNS: dict[Sign, str] = {
    "line": "━", "dots": "┅", "band": "▒", "point": "●", "best": "★", "gap": "✕", "above": "▲", "below": "▼", "": "",
}  # fmt: skip
_PLAIN_SIGNS: dict[Sign, str] = {
    "line": "-", "dots": ".", "band": ".", "point": "o", "best": "@", "gap": "x", "above": "^", "below": "v", "": "",
}  # fmt: skip
_LETTERS: dict[Role, str] = {
    "train-band": ".", "train": "*", "validation": "o", "plan": ".", "preview": "+", "branch": ",", "contour": ".",
    **{role: str(index + 1) for roles in (RUNS, FRONT_RUNS) for index, role in enumerate(roles)},
    **dict.fromkeys(DIM_RUNS, "."),
    **{role: "abcdef"[index] for index, role in enumerate(LAYERS)},
}  # fmt: skip


def _braille() -> str:
    bits = (0x40, 0x04, 0x02, 0x01, 0x80, 0x20, 0x10, 0x08)
    return "".join(chr(0x2800 + sum(bit for k, bit in enumerate(bits) if dots >> k & 1)) for dots in range(256))


GLYPHS: dict[GlyphName, Glyphs] = {
    "braille": Glyphs(2, 4, _braille(), _SIGNS),
    "block": Glyphs(2, 2, " ▖▘▌▗▄▚▙▝▞▀▛▐▟▜█", _SIGNS),
    "ascii": Glyphs(
        1, 1, " *", _PLAIN_SIGNS, level="-", mark=":", cursor="!", foot="!", rule="-", shaded="=",
        frame=str.maketrans("│┤├─┬┴┼└┘┌┐…·", "|++-+++++++.-"), letters=_LETTERS, shades=" .:-=+*#%@",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Canvas:
    """A plot of `columns` x `rows` cells between the ends of two scales, addressed in dots."""

    x: Scale
    y: Scale
    columns: int
    rows: int
    glyphs: Glyphs
    _ends: tuple[float, float] = field(init=False)
    """The ends of the vertical axis, or their logarithms."""

    def __post_init__(self) -> None:
        ends = (log10(self.y.low), log10(self.y.high)) if self.y.log else (self.y.low, self.y.high)
        object.__setattr__(self, "_ends", ends)

    def column(self, position: float) -> int | None:
        """Return the column of dots at a position, None outside."""
        count = self.columns * self.glyphs.across
        at = (position - self.x.low) / (self.x.high - self.x.low) * count
        # A position on an edge belongs to the column that starts there, despite rounding in the division.
        return min(floor(at + 1e-6), count - 1) if -1e-6 <= at <= count + 1e-6 else None

    def row(self, value: float) -> int:
        """Return the row of dots of a value, counted from the bottom; -1 below the plot, the row count above it."""
        count = self.rows * self.glyphs.up
        low, high = self._ends
        if self.y.log:
            if value <= 0:
                return -1
            value = log10(value)
        share = (value - low) / (high - low)
        if not -1e-9 <= share <= 1 + 1e-9:
            return -1 if share < 0 else count
        return min(int(share * count + 1e-9), count - 1)

    def cell(self, position: float, value: float) -> tuple[int, int] | None:
        """Return the cell of a point, clamped vertically; None if it lies outside horizontally."""
        column = self.column(position)
        if column is None:
            return None
        row = min(max(self.row(value), 0), self.rows * self.glyphs.up - 1)
        return column // self.glyphs.across, row // self.glyphs.up

    def rasterize_curve(self, curve: Curve) -> Iterator[tuple[int, int, int]]:
        """Yield the cells of a curve: column, row from the bottom, set of dots."""
        dots = [0] * (self.columns * self.glyphs.across)
        _draw_spans(dots, self._column_spans(curve))
        if curve.dotted:
            dots = [column if k // self.glyphs.across % DASH != GAP else 0 for k, column in enumerate(dots)]
        return _cells(dots, self.rows, self.glyphs)

    def rasterize_trail(self, trail: Trail) -> Iterator[tuple[int, int, int]]:
        """Yield the cells of a trail: column, row from the bottom, set of dots."""
        across, up = self.glyphs.across, self.glyphs.up
        wide, high = self.columns * across, self.rows * up
        points = [
            ((x - self.x.low) / (self.x.high - self.x.low) * wide, (y - self.y.low) / (self.y.high - self.y.low) * high)
            for x, y in zip(trail.x, trail.y, strict=True)
            if isfinite(x) and isfinite(y)
        ]
        cells: dict[tuple[int, int], int] = {}
        for (x, y), (to_x, to_y) in pairwise(points) if trail.joined else zip(points, points, strict=True):
            begin, end = _clip(x, to_x - x, wide, *_clip(y, to_y - y, high, 0.0, 1.0))
            if begin > end:
                continue
            count = max(ceil(max(abs(to_x - x), abs(to_y - y)) * (end - begin)), 1)
            for k in range(count + 1):
                share = begin + (end - begin) * k / count
                column = min(int(x + (to_x - x) * share), wide - 1)
                row = min(int(y + (to_y - y) * share), high - 1)
                cell = column // across, row // up
                cells[cell] = cells.get(cell, 0) | 1 << (column % across * up + row % up)
        for (column, row), dots in cells.items():
            yield column, row, dots

    def rasterize_field(self, field: Field) -> Iterator[tuple[int, int, int]]:
        """Yield the cells of a field that have a value: column, row from the bottom, index of the interval."""
        down, across = len(field.values), len(field.values[0])
        for row in range(self.rows):
            for column in range(self.columns):
                u, v = (column + 0.5) / self.columns, (row + 0.5) / self.rows
                if field.smooth:
                    value = _interpolate(field.values, u * (across - 1), v * (down - 1))
                else:
                    value = field.values[int(v * down)][int(u * across)]
                if value is not None:
                    yield column, row, bisect_right(field.levels, value)

    def _column_spans(self, curve: Curve) -> Iterator[tuple[int, int, int]]:
        """Yield each column of dots in which the curve has values, with the lowest and the highest dot."""
        here: tuple[int, int, int] | None = None
        for position, low, high in zip(curve.x, curve.low, curve.high, strict=True):
            if not (isfinite(position) and isfinite(low) and isfinite(high)):
                continue
            column = self.column(position)
            if column is None:
                continue
            bottom, top = self.row(low), self.row(high)
            if here is not None and here[0] == column:
                here = column, min(here[1], bottom), max(here[2], top)
                continue
            if here is not None:
                yield here
            here = column, bottom, top
        if here is not None:
            yield here


def _clip(start: float, delta: float, size: float, begin: float, end: float) -> tuple[float, float]:
    """Clip a segment, from 0 to 1, to the part whose coordinate lies in the plot (Liang and Barsky 1984)."""
    if delta == 0:
        return (begin, end) if 0 <= start <= size else (1.0, 0.0)
    enter, leave = sorted((-start / delta, (size - start) / delta))
    return max(begin, enter), min(end, leave)


def _interpolate(values: tuple[tuple[float | None, ...], ...], x: float, y: float) -> float | None:
    """Interpolate between four points of a grid; take the nearest value if one of them has none."""
    i, j = min(int(x), len(values[0]) - 2), min(int(y), len(values) - 2)
    u, v = x - i, y - j
    low_left, low_right, high_left, high_right = (*values[j][i : i + 2], *values[j + 1][i : i + 2])
    if low_left is None or low_right is None or high_left is None or high_right is None:
        return values[round(y)][round(x)]
    return (low_left * (1 - u) + low_right * u) * (1 - v) + (high_left * (1 - u) + high_right * u) * v


def _draw_spans(dots: list[int], spans: Iterable[tuple[int, int, int]]) -> None:
    """Set the dots of vertical spans (column, bottom, top) and of the connections between them."""
    before: tuple[int, int, int] | None = None
    for column, bottom, top in spans:
        _fill(dots, column, bottom, top)
        if before is not None:
            _connect(dots, before, (column, bottom, top))
        before = column, bottom, top


def _connect(dots: list[int], left: tuple[int, int, int], right: tuple[int, int, int]) -> None:
    """Connect two spans by the shortest line: half of a jump in the left column, half in the right one."""
    if right[1] > left[2]:
        start, end = left[2], right[1]
    elif right[2] < left[1]:
        start, end = left[1], right[2]
    else:
        start = end = (max(left[1], right[1]) + min(left[2], right[2])) // 2
    width = right[0] - left[0]
    if width == 1 and start == end:
        return  # neighbours that overlap are joined as they are
    sign = (end > start) - (end < start)
    at = start
    for k in range(width + 1):
        following = end if k == width else start + round((end - start) * (k + 0.5) / width)
        # Start each column one dot after the end of the previous one, so that a slope is one dot thick.
        begin = at + sign if following != at else at
        _fill(dots, left[0] + k, min(begin, following), max(begin, following))
        at = following


def _fill(dots: list[int], column: int, bottom: int, top: int) -> None:
    """Set the dots of a column from `bottom` to `top`. Dots below the plot are skipped, dots above it ignored."""
    bottom = max(bottom, 0)
    if top >= bottom:
        dots[column] |= ((1 << (top - bottom + 1)) - 1) << bottom


def _cells(dots: list[int], rows: int, glyphs: Glyphs) -> Iterator[tuple[int, int, int]]:
    """Yield the cells that contain dots."""
    up, across = glyphs.up, glyphs.across
    mask, inside = (1 << up) - 1, (1 << rows * up) - 1
    for cell in range(len(dots) // across):
        left = dots[cell * across] & inside
        right = dots[cell * across + 1] & inside if across == 2 else 0
        both = left | right
        if not both:
            continue
        lowest = ((both & -both).bit_length() - 1) // up
        for row in range(lowest, -(-both.bit_length() // up)):
            shift = row * up
            bits = left >> shift & mask | (right >> shift & mask) << up
            if bits:
                yield cell, row, bits
