"""Mean and deviation of a metric over runs that differ only in their seed."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

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
