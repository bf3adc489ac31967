"""A series over runs that differ only in their seed: mean and deviation in each column of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.state.seed_band import mean_deviation
from tui_trainer.state.series import Column
from tui_trainer.text import number
from tui_trainer.ui.charts.model import Curve
from tui_trainer.ui.charts.palette import Role
from tui_trainer.ui.charts.resample import Resampled, mean

Spread = tuple[float, float]
"""Mean and sample standard deviation."""
Values = Sequence[float | None]
"""One value for each column; None where nothing was measured."""


@dataclass(frozen=True, slots=True, eq=False)
class SeedMean(Resampled):
    """The series of several runs along the grid of the first one.

    Its columns hold the mean over the runs, and the mean minus and plus one deviation as their ends. The cost follows
    from the columns and the runs, not from the steps.
    """

    members: tuple[Resampled, ...] = ()

    @classmethod
    def over(cls, members: Sequence[Resampled]) -> SeedMean:
        """Return the mean over some runs, of which each has a value."""
        first, edges = members[0], members[0].grid.edges
        gaps = sorted({gap for member in members for gap in member.gap_columns})
        columns = [
            None
            if at is None
            else Column(round(edges[k]), round(edges[k + 1]), at[0] - at[1], at[0] + at[1], at[0], len(members))
            for k, at in enumerate(spreads([_means(member) for member in members]))
        ]
        return cls(first.series, first.grid, columns, tuple(gaps), tuple(members))

    def smoothed(self, width: int, *, by_median: bool = False) -> list[float | None]:
        """Return the mean over the runs of the smoothed values."""
        return [at and at[0] for at in spreads(self.curves_of_members(width, by_median=by_median))]

    def curves_of_members(self, width: int, *, by_median: bool = False) -> list[Values]:
        """Return the curve of each run, smoothed as it would be on its own; a width of 0 does not smooth."""
        return [member.smoothed(width, by_median=by_median) if width else _means(member) for member in self.members]

    def between(self, role: Role, ranges: Sequence[Spread | None]) -> list[Curve]:
        """Return the faint bands from the mean minus to the mean plus one deviation."""
        ends = [None if at is None else (k, at[0] - at[1], at[0] + at[1]) for k, at in enumerate(ranges)]
        return self._curves(role, ends, False, True)

    def reading(self, curves: Sequence[Values] | None, position: float | None) -> Spread:
        """Return mean and deviation of the newest values of the runs, or of those at a position on the axis.

        Args:
            curves: the curve of each run, where that is smoothed; None reads the recorded values.
            position: position on the horizontal axis.
        """
        values: list[float] = []
        for index, member in enumerate(self.members):
            step = None if position is None else member.grid.ruler.step(position)
            if curves is None:
                at = member.series.at(step) if step is not None else None
                value = member.series.last if step is None else None if at is None else at[1]
            else:
                end = member.grid.count - 1 if step is None else member.grid.column(step)
                known = curves[index][: end + 1] if end is not None else ()
                value = next((value for value in reversed(known) if value is not None), None)
            values += [] if value is None else [value]
        return mean_deviation(values) if values else (float("nan"), float("nan"))


def _means(member: Resampled) -> Values:
    return [None if column is None else mean(column) for column in member.columns]


def spreads(curves: Sequence[Values]) -> list[Spread | None]:
    """Return mean and deviation in each column that some curve has a value in and all others reach.

    Between two values of a curve its line counts: runs drawn by their time are not measured at the same positions.
    """
    joined = [_joined(curve) for curve in curves]
    measured = [any(value is not None for value in column) for column in zip(*curves, strict=True)]
    result: list[Spread | None] = []
    for known, column in zip(measured, zip(*joined, strict=True), strict=True):
        values = [value for value in column if value is not None]
        result.append(mean_deviation(values) if known and len(values) == len(column) else None)
    return result


def _joined(curve: Values) -> list[float | None]:
    """Return a curve with the straight lines between its values."""
    joined = list(curve)
    before: int | None = None
    for k, value in enumerate(curve):
        if value is None:
            continue
        if before is not None and k > before + 1:
            start = curve[before] or 0.0
            for between in range(before + 1, k):
                joined[between] = start + (value - start) * (between - before) / (k - before)
        before = k
    return joined


def spread_text(at: Spread, digits: int = 4) -> str:
    """Write a mean and its deviation: `0.9713 ± 0.0042`."""
    return f"{number(at[0], digits)} ± {number(at[1], 2)}" if at[0] == at[0] else "-"
