"""Who gets which cells of a terminal, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CHART_WIDTH, CHART_HEIGHT = 38, 12
"""The least that a chart beside others should have."""
SMALL_WIDTH, SMALL_HEIGHT = 34, 7
"""The least that it may have in a terminal of 80 by 24."""

WIDE = 118
"""Columns from which the numbers have a column of their own beside two charts."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What a size of terminal has room for.

    Attributes:
        columns, rows: the grid of charts; none where either is 0.
        status: the numbers as a column of `status_size` columns, or as `status_size` lines.
        log: lines of the log; log_title says whether it has a line of its own above.
        header, footer: whether there is a line on top and at the bottom.
        narration: lines of what is told of a lesson.
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
        """Lines under the charts that a card may take: the log and its title, the narration, the numbers."""
        return self.log + self.log_title + self.narration + (self.status_size if self.status == "lines" else 0)

    @property
    def charts(self) -> int:
        """How many charts are in sight."""
        return self.columns * self.rows


def arrange(
    width: int, height: int, charts: int, whole: bool = False, pictures: bool = False, told: bool = False
) -> Arrangement:
    """The arrangement for a terminal of this size.

    Args:
        width, height: its cells.
        charts: how many charts and pictures there are.
        whole: whether one has all the room there is.
        pictures: whether some are pictures, which a small terminal shows one of, and that well.
        told: whether something is told of a lesson, which takes some of the log's room.
    """
    header, footer = height >= 2, height >= 6
    inner = height - header - footer
    if whole:
        lines = 2 if inner >= 9 else 0
        return Arrangement(1, 1, "lines", lines, 0, header, footer, narration=_narration(inner) if told else 0)
    if width >= WIDE and height >= 24:
        column = min(max(width * 27 // 100, 38), 46)
        log = 12 if height >= 54 else 9 if height >= 38 else 6 if height >= 28 else 4
        titled = height >= 30
        narration = 0
        if told:
            below, narration = log + titled, 8 if height >= 54 else 7 if height >= 30 else 6 if height >= 28 else 5
            titled = below - narration >= 3
            log = max(below - narration - titled, 0)
        columns, rows = _grid(width - column - 1, inner - log - titled - narration, charts, CHART_WIDTH, CHART_HEIGHT)
        return Arrangement(columns, rows, "column", column, log, header, footer, titled, narration)
    if width < 20 or inner < 6:
        return Arrangement(0, 0, "lines", max(inner, 0), 0, header, footer)
    charts = min(charts, 2) if pictures else charts
    if told:
        narration = _narration(inner)
        lines = 2 if inner >= 10 else 1
        columns, rows = _grid(width, inner - lines - narration, charts, SMALL_WIDTH, SMALL_HEIGHT)
        return Arrangement(columns, rows, "lines", lines, 0, header, footer, narration=narration)
    lines = 3 if inner >= 10 else 2
    log = 5 if inner >= 22 else 3 if inner >= 16 else 0
    columns, rows = _grid(width, inner - lines - log, charts, SMALL_WIDTH, SMALL_HEIGHT)
    return Arrangement(columns, rows, "lines", lines, log, header, footer)


def _narration(inner: int) -> int:
    """Lines of the narration under charts that have no column beside them."""
    return 6 if inner >= 22 else 4 if inner >= 16 else 1 if inner >= 6 else 0


def _grid(width: int, height: int, charts: int, least_width: int, least_height: int) -> tuple[int, int]:
    """Columns and rows for as many charts as have room, none of them twice as wide as it need be."""
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
