"""Mean and deviation of a metric over runs that differ only in their seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import Protocol

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.state.series import Series

BAND_POINTS = 512
"""Most points of a band; a chart has fewer columns."""

Band = tuple[list[int], list[float], list[float], list[float]]
"""Steps, means, and means minus and plus one standard deviation."""


def mean_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation (n - 1); the deviation of one value is 0."""
    mean = fsum(values) / len(values)
    if len(values) < 2:
        return mean, 0.0
    return mean, sqrt(fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def seed_band(series: Sequence[Series], points: int = BAND_POINTS) -> Band:
    """Return the band of several series at the steps that all of them have in their exact part, thinned to `points`.

    Series that are empty are left out. A series without a value at a step does not count there with an older one.
    """
    filled = [one for one in series if one.count]
    if not filled:
        return [], [], [], []
    columns = [dict(zip(one.steps, one.values, strict=True)) for one in filled]
    steps = sorted(columns[0].keys() & set.intersection(*(set(column) for column in columns)))
    if len(steps) > points:
        last = len(steps) - 1
        steps = [steps[round(index * last / (points - 1))] for index in range(points)]
    band: Band = (steps, [], [], [])
    for step in steps:
        mean, deviation = mean_deviation([column[step] for column in columns])
        band[1].append(mean)
        band[2].append(mean - deviation)
        band[3].append(mean + deviation)
    return band


class _Measured(Protocol):
    @property
    def series(self) -> Mapping[str, Series]: ...


@dataclass(frozen=True, slots=True)
class SeedSummary:
    """A metric over runs that differ only in their seed.

    Attributes:
        last: mean and deviation of the newest value of each run.
        best: mean and deviation of the best value of each run.
        runs: the runs that have measured the metric.
    """

    last: tuple[float, float]
    best: tuple[float, float]
    runs: int


def last_and_best(states: Sequence[_Measured], name: str) -> SeedSummary | None:
    """Return mean and deviation of the last and of the best value of a series; None where no run has measured it."""
    last: list[float] = []
    best: list[float] = []
    for state in states:
        series = state.series.get(name)
        if series is None or series.last is None:
            continue
        column = series.columns((series.first_step, series.last_step))[0]
        last.append(series.last)
        best.append(series.last if column is None else column.low if lower_is_better(name) else column.high)
    if not last:
        return None
    return SeedSummary(mean_deviation(last), mean_deviation(best), len(last))
