"""CPU time of one chart, for long and short runs."""

from __future__ import annotations

import random
from statistics import median
from time import process_time

from benchmarks.figures import Effort
from benchmarks.statistics import Row, ratios
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.render.plot import draw

WIDTH, HEIGHT = 120, 30


def redraw(effort: Effort) -> list[Row]:
    """Draw two series of a million points each, and two of 200 points, without any cache."""
    points = 100_000 if effort.quick else 1_000_000
    long, short = _state(points), _state(200)
    colors = palette()
    times: dict[int, list[float]] = {points: [], 200: []}
    for _ in range(effort.rounds * 5):
        for count, state in ((points, long), (200, short)):
            began = process_time()
            draw(chart_data(ChartKind.LOSS, [state], 0, View(), WIDTH, HEIGHT), WIDTH, HEIGHT, colors)
            times[count].append(process_time() - began)
    return [
        Row(
            f"one chart redraw, 2 series x {points:,} points, 120x30",
            "the same chart of 200 points",
            ratios(times[points], times[200]),
            target=1.5,
            comparison="<=",
            note=f"{median(times[points]) * 1000:.1f} / {median(times[200]) * 1000:.1f} ms of CPU",
        )
    ]


def _state(points: int) -> RunState:
    random.seed(1)
    state = RunState(run="chart", status="running")
    state.apply(ev.RunStarted(steps_per_epoch=max(points // 10, 1), epochs=10))
    for first in range(1, points + 1, 1000):
        steps = list(range(first, min(first + 999, points) + 1))
        values = {
            name: [random.gauss(1, 0.1) + 100 / (step + 50) for step in steps] for name in ("train_loss", "val_loss")
        }
        state.apply(ev.Scalars(step=steps[-1], steps=steps, seconds=[step / 1000 for step in steps], values=values))
    return state
