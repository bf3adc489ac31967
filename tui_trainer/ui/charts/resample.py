"""Downsampling of a series to the columns of a chart: the cost depends on the width, not on the length of the run."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tui_trainer.state.series import Column, Series
from tui_trainer.text import visible
from tui_trainer.ui.charts.axes import Grid
from tui_trainer.ui.charts.model import Curve
from tui_trainer.ui.charts.palette import Role
from tui_trainer.ui.charts.ticks import nice, short

SMOOTHING_SHARE = 50
"""Visible span divided by the width of the adaptive moving average, about."""
LOOKBACK_COLUMNS = 64
"""Columns before the first visible one that a moving average may include."""
MEDIAN_COLUMNS = 5
"""Fewest columns whose means a moving median compares: the median of fewer would keep every spike."""


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """A series along a grid: the values of each column, and the columns in which values were NaN or inf."""

    series: Series
    grid: Grid
    columns: list[Column | None]
    gap_columns: tuple[int, ...]

    @classmethod
    def of(cls, series: Series, grid: Grid) -> Resampled:
        """Resample a series to the columns of a grid."""
        edges = grid.edges
        columns: list[Column | None] = [None] * grid.count
        if series.count:
            columns = series.columns(edges)
        gap_columns = {grid.column(step) for step, _ in series.gaps}
        return cls(series, grid, columns, tuple(sorted(gap for gap in gap_columns if gap is not None)))

    def __bool__(self) -> bool:
        return any(self.columns)

    @property
    def steps_per_column(self) -> float:
        """Average number of steps in a column."""
        return (self.grid.edges[-1] - self.grid.edges[0]) / max(self.grid.count, 1)

    @property
    def last(self) -> Column | None:
        """The newest visible column that holds a value."""
        return next((column for column in reversed(self.columns) if column is not None), None)

    def band(self, role: Role, *, dotted: bool = False, faint: bool = False) -> list[Curve]:
        """Return bands from the smallest to the largest value of each column, so that no spike is lost."""
        columns = enumerate(self.columns)
        ranges = [(k, column.low, column.high) if column is not None else None for k, column in columns]
        return self._curves(role, ranges, dotted, faint)

    def line(self, role: Role, values: Sequence[float | None] | None = None, *, faint: bool = False) -> list[Curve]:
        """Return lines through one value for each column: the given values, or the means."""
        if values is None:
            values = [mean(column) if column is not None else None for column in self.columns]
        ranges = [(k, value, value) if value is not None else None for k, value in enumerate(values)]
        return self._curves(role, ranges, False, faint)

    def smoothed(self, width: int, *, by_median: bool = False) -> list[float | None]:
        """Return the mean over the last `width` steps at the end of each column, or over the full column if longer.

        The window looks back and never ahead, so that the line never bends before the intervention that bent it. At
        the beginning, and after values that were not finite, it is the mean of the values available: unlike an
        exponential average it is not drawn towards zero there, and it forgets an explosion after `width` steps.

        Args:
            width: steps of the window.
            by_median: return the median of the means of the columns in the window, at least `MEDIAN_COLUMNS` of them.
        """
        edges, columns = list(self.grid.edges), list(self.columns)
        if by_median:
            width = max(width, math.ceil(MEDIAN_COLUMNS * self.steps_per_column))
        earlier = max(edges[0] - width, self.series.first_step)
        if earlier < edges[0]:
            before = [earlier + (edges[0] - earlier) * k / LOOKBACK_COLUMNS for k in range(LOOKBACK_COLUMNS)]
            # The last column includes its right edge, which here is the left edge of the first visible column.
            columns = self.series.columns([*before, math.nextafter(edges[0], -math.inf)]) + columns
            edges = [*before, *edges]
        counts = [column.count if column is not None else 0 for column in columns]
        means = [mean(column) if column is not None else 0.0 for column in columns]
        sums = [value * count for value, count in zip(means, counts, strict=True)]
        smoothed: list[float | None] = []
        for end in range(len(columns) - self.grid.count, len(columns)):
            if not counts[end]:
                smoothed.append(None)
                continue
            first, share = _window(edges, end, width)
            if by_median:
                first = min(first, max(end + 1 - MEDIAN_COLUMNS, 0))
                window = zip(means[first : end + 1], counts[first : end + 1], strict=True)
                smoothed.append(median(value for value, count in window if count))
                continue
            # Differences of running sums would lose all small values after one huge value.
            total = sum(sums[first : end + 1])
            weight = float(sum(counts[first : end + 1]))
            if share and counts[first - 1]:
                total, weight = total + share * sums[first - 1], weight + share * counts[first - 1]
            value = total / weight
            smoothed.append(value if math.isfinite(value) else means[end])
        return smoothed

    def _curves(
        self, role: Role, ranges: Sequence[tuple[int, float, float] | None], dotted: bool, faint: bool
    ) -> list[Curve]:
        """Return one curve for each stretch without a gap."""
        gap_columns, centre = set(self.gap_columns), self.grid.centre
        stretches: list[list[tuple[int, float, float]]] = [[]]
        for k, item in enumerate(ranges):
            if item is not None:
                stretches[-1].append(item)
            elif k in gap_columns and stretches[-1]:
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
    """Return the mean of a column, or its middle if the sum overflowed."""
    return column.mean if math.isfinite(column.mean) else column.low / 2 + column.high / 2


def _window(edges: Sequence[float], end: int, width: float) -> tuple[int, float]:
    """Return the first full column of the window that ends with column `end`, and the share of the column before it."""
    start = edges[end + 1] - width
    if start >= edges[end]:
        return end, 0.0
    first = min(bisect_left(edges, start), end)
    if first == 0:
        return 0, 0.0
    before = edges[first] - edges[first - 1]
    return first, (edges[first] - start) / before if before > 0 else 0.0


def smoothing_width(requested: int | None, resampled: Resampled) -> int:
    """Return the width of the moving average in steps: as requested, or a round share of the visible span."""
    if requested is not None:
        return requested
    span = resampled.grid.edges[-1] - resampled.grid.edges[0]
    width = int(nice(span / SMOOTHING_SHARE))
    return width if width > 1 else 0


def smoothing_note(width: int, resampled: Resampled, *, by_median: bool = False) -> str:
    """Describe the smoothing for the title: the values of a mean or median; never fewer than those of one column."""
    if not width:
        return ""
    least = resampled.steps_per_column * (MEDIAN_COLUMNS if by_median else 1)
    return f"{'median' if by_median else 'mean'} of {short(max(width, int(least)))}"


def downsampling_note(resampled: Resampled) -> str:
    """Describe how many values each stored bucket stands for, if buckets are wider than columns; empty otherwise."""
    grain = resampled.series.grain(resampled.grid.edges[0], resampled.grid.edges[-1])
    return f"min-max of {short(grain)}" if grain > max(resampled.steps_per_column, 1) else ""


def gap_note(resampled: Resampled) -> str:
    """Describe the count and first step of values that were NaN or inf; empty if there are none."""
    gaps = resampled.series.gaps
    if not gaps:
        return ""
    step, kind = gaps[0]
    more = f" ({resampled.series.gap_count})" if resampled.series.gap_count > 1 else ""
    return f"{visible(kind)} at {step}{more}"
