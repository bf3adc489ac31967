"""Downsampling of a series to the columns of a chart: the cost depends on the width, not on the length of the run."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.state.series import Column, Series
from tui_trainer.text import visible
from tui_trainer.ui.charts.axes import Grid
from tui_trainer.ui.charts.model import Curve
from tui_trainer.ui.charts.palette import Role
from tui_trainer.ui.charts.ticks import nice, short

SHARE = 50
"""An adaptive smoothing covers about one part in this many of what is visible."""
EARLIER = 64
"""Columns before the first visible one that a moving average may look back on."""


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """A series along a grid: what each column holds, and the columns in which values were lost for not being finite."""

    series: Series
    grid: Grid
    columns: list[Column | None]
    holes: tuple[int, ...]

    @classmethod
    def of(cls, series: Series, grid: Grid) -> Resampled:
        """Cut a series."""
        edges = grid.edges
        columns: list[Column | None] = [None] * grid.count
        if series.count:
            columns = series.columns(edges)
        holes = {grid.column(step) for step, _ in series.gaps}
        return cls(series, grid, columns, tuple(sorted(hole for hole in holes if hole is not None)))

    def __bool__(self) -> bool:
        return any(self.columns)

    @property
    def steps_per_column(self) -> float:
        """Steps in a column, on the average."""
        return (self.grid.edges[-1] - self.grid.edges[0]) / max(self.grid.count, 1)

    @property
    def last(self) -> Column | None:
        """The newest visible column that holds something."""
        return next((column for column in reversed(self.columns) if column is not None), None)

    def band(self, role: Role, *, dotted: bool = False, faint: bool = False) -> list[Curve]:
        """From the smallest to the largest value of each column: no spike is lost."""
        found = [(k, column.low, column.high) if column is not None else None for k, column in enumerate(self.columns)]
        return self._curves(role, found, dotted, faint)

    def line(self, role: Role, values: Sequence[float | None] | None = None, *, faint: bool = False) -> list[Curve]:
        """One value for each column that holds something: the given one, or the mean."""
        if values is None:
            values = [mean(column) if column is not None else None for column in self.columns]
        found = [(k, value, value) if value is not None else None for k, value in enumerate(values)]
        return self._curves(role, found, False, faint)

    def smoothed(self, width: int) -> list[float | None]:
        """The mean over the last `width` steps at the end of each column (of a whole column where that is more).

        It looks back and never ahead, so nothing bends before the intervention that bent it. At the beginning, and
        after values that were not finite, it is the mean of what there is.
        """
        edges, columns = list(self.grid.edges), list(self.columns)
        earlier = max(edges[0] - width, self.series.first_step)
        if earlier < edges[0]:
            before = [earlier + (edges[0] - earlier) * k / EARLIER for k in range(EARLIER)]
            # The closing column of a cut takes in its right edge, which here is the first visible one's left edge.
            columns = self.series.columns([*before, math.nextafter(edges[0], -math.inf)]) + columns
            edges = [*before, *edges]
        counts = [column.count if column is not None else 0 for column in columns]
        means = [mean(column) if column is not None else 0.0 for column in columns]
        sums = [value * count for value, count in zip(means, counts, strict=True)]
        found: list[float | None] = []
        for end in range(len(columns) - self.grid.count, len(columns)):
            if not counts[end]:
                found.append(None)
                continue
            first, share = _window(edges, end, width)
            # Sums of slices and not differences of running sums: those lose everything small after one huge value.
            total = sum(sums[first : end + 1])
            weight = float(sum(counts[first : end + 1]))
            if share and counts[first - 1]:
                total, weight = total + share * sums[first - 1], weight + share * counts[first - 1]
            value = total / weight
            found.append(value if math.isfinite(value) else means[end])
        return found

    def _curves(
        self, role: Role, found: Sequence[tuple[int, float, float] | None], dotted: bool, faint: bool
    ) -> list[Curve]:
        """One curve for each stretch without a hole."""
        holes, centre = set(self.holes), self.grid.centre
        stretches: list[list[tuple[int, float, float]]] = [[]]
        for k, item in enumerate(found):
            if item is not None:
                stretches[-1].append(item)
            elif k in holes and stretches[-1]:
                stretches.append([])
        return [
            Curve(
                role,
                tuple(centre(k) for k, _, _ in stretch),
                tuple(low for _, low, _ in stretch),
                tuple(high for _, _, high in stretch),
                dotted,
                faint,
            )
            for stretch in stretches
            if stretch
        ]


def mean(column: Column) -> float:
    """The mean of a column, also where its sum was too large for a float."""
    return column.mean if math.isfinite(column.mean) else column.low / 2 + column.high / 2


def _window(edges: Sequence[float], end: int, width: float) -> tuple[int, float]:
    """The first whole column of the window that ends with column `end`, and the share of the one before it."""
    start = edges[end + 1] - width
    if start >= edges[end]:
        return end, 0.0
    first = min(bisect_left(edges, start), end)
    if first == 0:
        return 0, 0.0
    before = edges[first] - edges[first - 1]
    return first, (edges[first] - start) / before if before > 0 else 0.0


def smoothing_width(wanted: int | None, cut: Resampled) -> int:
    """The width of the moving average in steps: as asked for, or a round part of what is visible."""
    if wanted is not None:
        return wanted
    visible = cut.grid.edges[-1] - cut.grid.edges[0]
    width = int(nice(visible / SHARE))
    return width if width > 1 else 0


def smoothing_note(width: int, cut: Resampled) -> str:
    """What the title says of the smoothing: never less than a column really holds."""
    column = int(cut.steps_per_column)
    return f"smooth {short(max(width, column))}" if width else ""


def grain_note(cut: Resampled) -> str:
    """How many values stand behind each that was kept, where they are drawn wider than their columns."""
    grain = cut.series.grain(cut.grid.edges[0], cut.grid.edges[-1])
    return f"min-max of {short(grain)}" if grain > max(cut.steps_per_column, 1) else ""


def gap_note(cut: Resampled) -> str:
    """How many values were not finite, and where the first of them was."""
    gaps = cut.series.gaps
    if not gaps:
        return ""
    step, kind = gaps[0]
    more = f" ({cut.series.gap_count})" if cut.series.gap_count > 1 else ""
    return f"{visible(kind)} at {step}{more}"
