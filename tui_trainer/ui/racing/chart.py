"""The curves of a race beside each other: the loss of each of its settings by step."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.state.branching.branches import Branch
from tui_trainer.text import cut, number, visible
from tui_trainer.ui.charts.model import Area, ChartData, Curve, Layer, LegendEntry, Scale, blank
from tui_trainer.ui.charts.palette import FRONT_RUNS
from tui_trainer.ui.charts.ranges import vertical_scale
from tui_trainer.ui.charts.ticks import horizontal_ticks

NAME = "race"
SHARE = 8
"""The part of a curve over which it is averaged: batches differ more than settings do."""
LABEL = 18
"""Most cells of settings in the legend."""


def trailing_means(values: Sequence[float], width: int) -> tuple[float, ...]:
    """Return the mean of each value with those before it, of up to `width` values."""
    means: list[float] = []
    for end in range(1, len(values) + 1):
        window = values[max(end - width, 0) : end]
        means.append(sum(window) / len(window))
    return tuple(means)


def race_chart(lanes: Sequence[Branch], steps: int, width: int, height: int) -> ChartData:
    """Draw the averaged loss of each of the settings, up to the last step of the race."""
    area = Area.of(width, height)
    curves: list[Curve] = []
    legend: list[LegendEntry] = []
    mean_of = max(steps // SHARE, 1)
    for lane in lanes:
        curve = lane.curves.get("train_loss")
        if curve is None or not curve.values:
            continue
        number_of = int(lane.id.rpartition("/")[2])
        role, means = FRONT_RUNS[(number_of - 1) % len(FRONT_RUNS)], trailing_means(curve.values, mean_of)
        curves.append(Curve(role, tuple(map(float, curve.steps)), means, means))
        legend.append(LegendEntry(role, "line", f"{cut(visible(lane.what), LABEL)} {number(means[-1], 3)}"))
    if not curves:
        return blank(0, NAME, "no steps yet")
    low = float(min(lane.start for lane in lanes))
    high = max(low + max(steps, 1), *(curve.x[-1] for curve in curves))
    across = Scale(low, high, tuple(horizontal_ticks(low, high, area.columns, integers=True)))
    layers: tuple[Layer, ...] = tuple(curves)
    scale = vertical_scale(curves, area.rows, log=False)
    return ChartData(0, NAME, across, scale, unit="step", legend=tuple(legend), layers=layers)
