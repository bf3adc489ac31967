"""Divide the cells of a terminal among the parts of the dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CHART_WIDTH, CHART_HEIGHT = 38, 12
"""Smallest width and height of a chart next to others, in cells."""
SMALL_WIDTH, SMALL_HEIGHT = 34, 7
"""The same in a small terminal, such as 80 by 24."""

WIDE = 118
"""Terminal width from which the numbers have a column of their own next to two charts."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The sizes of the parts of the dashboard in a terminal of one size.

    Attributes:
        columns, rows: the grid of charts; none where either is 0.
        status: the numbers as a column of `status_size` columns, or as `status_size` lines.
        log: lines of the log; log_title says whether it has a line of its own above.
        header, footer: whether those lines are shown.
        narration: lines of a lesson's narration.
    """

    columns: int
    rows: int
    status: Literal["column", "lines"]
    status_size: int
    log: int
    header: bool
    footer: bool
    log_title: bool = False
    narration: int = 0

    @property
    def below(self) -> int:
        """Lines below the charts that a card may take: log, its title, narration and numbers."""
        return self.log + self.log_title + self.narration + (self.status_size if self.status == "lines" else 0)

    @property
    def charts(self) -> int:
        """Number of visible charts."""
        return self.columns * self.rows


def arrange(
    width: int, height: int, charts: int, maximized: bool = False, pictures: bool = False, lesson: bool = False
) -> Arrangement:
    """Return the arrangement for a terminal of a size.

    Args:
        width, height: cells of the terminal.
        charts: number of charts and pictures.
        maximized: whether one chart fills the screen.
        pictures: whether some of them are pictures; a small terminal then shows only two, at a larger size.
        lesson: whether the narration of a lesson takes some of the log's lines.
    """
    header, footer = height >= 2, height >= 6
    inner = height - header - footer
    if maximized:
        lines = 2 if inner >= 9 else 0
        return Arrangement(1, 1, "lines", lines, 0, header, footer, narration=_narration(inner) if lesson else 0)
    if width >= WIDE and height >= 24:
        column = min(max(width * 27 // 100, 38), 46)
        log = 12 if height >= 54 else 9 if height >= 38 else 6 if height >= 28 else 4
        titled = height >= 30
        narration = 0
        if lesson:
            below, narration = log + titled, 8 if height >= 54 else 7 if height >= 30 else 6 if height >= 28 else 5
            titled = below - narration >= 3
            log = max(below - narration - titled, 0)
        columns, rows = _grid(width - column - 1, inner - log - titled - narration, charts, CHART_WIDTH, CHART_HEIGHT)
        return Arrangement(columns, rows, "column", column, log, header, footer, titled, narration)
    if width < 20 or inner < 6:
        return Arrangement(0, 0, "lines", max(inner, 0), 0, header, footer)
    charts = min(charts, 2) if pictures else charts
    if lesson:
        narration = _narration(inner)
        lines = 2 if inner >= 10 else 1
        columns, rows = _grid(width, inner - lines - narration, charts, SMALL_WIDTH, SMALL_HEIGHT)
        return Arrangement(columns, rows, "lines", lines, 0, header, footer, narration=narration)
    lines = 3 if inner >= 10 else 2
    log = 5 if inner >= 22 else 3 if inner >= 16 else 0
    columns, rows = _grid(width, inner - lines - log, charts, SMALL_WIDTH, SMALL_HEIGHT)
    return Arrangement(columns, rows, "lines", lines, log, header, footer)


def _narration(inner: int) -> int:
    """Return the lines of the narration in a terminal without a column of numbers."""
    return 6 if inner >= 22 else 4 if inner >= 16 else 1 if inner >= 6 else 0


def _grid(width: int, height: int, charts: int, least_width: int, least_height: int) -> tuple[int, int]:
    """Return columns and rows for as many charts as fit; of equal grids the one whose charts are nearest to 3:1."""
    best = (1, 1)
    for columns in (1, 2, 3):
        for rows in (1, 2, 3):
            if columns * rows > charts or columns * least_width > width or rows * least_height > height:
                continue
            fuller = columns * rows > best[0] * best[1]
            squarer = columns * rows == best[0] * best[1] and abs(width / columns - 3 * height / rows) < abs(
                width / best[0] - 3 * height / best[1]
            )
            if fuller or squarer:
                best = (columns, rows)
    return best
