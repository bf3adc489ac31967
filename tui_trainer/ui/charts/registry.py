"""The registry of charts: which panes a run has, and the chart data of each.

To add a chart, add a module to `kinds`, a member to `ChartKind` and a row to `_CHARTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from tui_trainer.components.schedulers.builtin import Constant
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.composed import draw as composed
from tui_trainer.ui.charts.composed.catalog import own_charts
from tui_trainer.ui.charts.composed.series_chart import PREFIX, SeriesChart
from tui_trainer.ui.charts.context import ChartContext, visible_span, visible_spans
from tui_trainer.ui.charts.kinds import gradient_norm, layers, learning_rate, loss, metric, throughput
from tui_trainer.ui.charts.model import Area, ChartData, blank
from tui_trainer.ui.charts.pictures.registry import PicturePane, draw, picture_panes
from tui_trainer.ui.charts.readout import values_at
from tui_trainer.ui.charts.view import View

__all__ = [
    "MAX_PICTURES",
    "ChartData",
    "ChartKind",
    "Pane",
    "PicturePane",
    "SeriesChart",
    "chart_data",
    "charts_of",
    "pane_named",
    "panes_of",
    "picture_panes",
    "values_at",
    "visible_span",
    "visible_spans",
]


class ChartKind(StrEnum):
    """The chart kinds, in the order of their keys."""

    LOSS = "loss"
    RATE = "rate"
    NORM = "norm"
    METRIC = "metric"
    SPEED = "speed"
    LAYERS = "layers"

    @property
    def key(self) -> int:
        """The number key that opens the chart."""
        return list(ChartKind).index(self) + 1


Pane = ChartKind | SeriesChart | PicturePane
"""A pane of the screen: a standard chart, one of chosen series, or a picture that the run recorded."""

MAX_PICTURES = 3
"""Most pictures shown alongside the charts."""


_CHARTS: dict[ChartKind, Callable[[ChartContext, int], ChartData]] = {
    ChartKind.LOSS: loss.draw,
    ChartKind.RATE: learning_rate.draw,
    ChartKind.NORM: gradient_norm.draw,
    ChartKind.METRIC: metric.draw,
    ChartKind.SPEED: throughput.draw,
    ChartKind.LAYERS: layers.draw,
}


def charts_of(state: RunState | None) -> tuple[ChartKind, ...]:
    """Return the charts that have data for a run, in key order; all of them before the run has started.

    A chart that is left out can still be drawn; its message then says which data is missing.
    """
    if state is None or state.started is None:
        return tuple(ChartKind)
    missing = {
        ChartKind.METRIC: not metric.metric_of(state),
        ChartKind.LAYERS: not (layers.layers_of(state) or state.started.layers),
    }
    return tuple(kind for kind in ChartKind if not missing.get(kind))


def panes_of(states: Sequence[RunState], front: int) -> tuple[Pane, ...]:
    """Return the charts and the first pictures in turn, most important first: the loss, a picture, the next chart, ...

    When there are pictures, a constant learning rate comes last: its line shows no more than its number.
    """
    state = states[min(max(front, 0), len(states) - 1)] if states else None
    charts = charts_of(state)
    pictures = picture_panes(states, front)[:MAX_PICTURES]
    if pictures and state is not None and _is_constant_rate(state):
        charts = (*(kind for kind in charts if kind is not ChartKind.RATE), ChartKind.RATE)
    turns = [pane for pair in zip(charts, pictures, strict=False) for pane in pair]
    return (*turns, *charts[len(pictures) :])


def _is_constant_rate(state: RunState) -> bool:
    """Return whether the learning rate is constant over the run and no intervention has changed it."""
    scheduler = state.plan.scheduler if state.plan is not None else None
    return isinstance(scheduler, Constant) and not (scheduler.steps or scheduler.warmup or state.marks)


def pane_named(name: str, states: Sequence[RunState], front: int) -> Pane | None:
    """Return the pane with this name, None if there is none. A picture wins over a chart of the same name."""
    if name.startswith(PREFIX) and states:
        title = name.removeprefix(PREFIX)
        charts = own_charts(states[front].series, metric.metric_of(states[front]))
        return next((chart for chart in charts if chart.title == title), None)
    panes = (*picture_panes(states, front), *charts_of(states[front] if states else None))
    return next((pane for pane in panes if (pane.name if isinstance(pane, PicturePane) else str(pane)) == name), None)


def chart_data(
    kind: Pane,
    states: Sequence[RunState],
    selected: int,
    view: View,
    width: int,
    height: int,
    preview: LrPlan | None = None,
) -> ChartData:
    """Return the data of one chart for an area of `width` by `height` cells.

    Args:
        kind: the chart or picture.
        states: the runs to overlay; a run's colour follows its index.
        selected: index of the run in front.
        view: axis, visible span, smoothing and cursor.
        width: cells from left to right.
        height: cells from top to bottom.
        preview: for the learning-rate chart, a plan to draw next to the one in force.
    """
    if isinstance(kind, PicturePane):
        return draw(kind, states, selected, view, width, height)
    if isinstance(kind, SeriesChart):
        if not states:
            return blank(0, kind.title, "no run")
        view = kind.view_of(view).of_chart(kind.id, _end(states, selected))
        context = ChartContext.of(states, selected, view, Area.of(width, height), bands=True)
        return composed.draw(context, kind)
    kind = ChartKind(kind)
    if not states:
        return blank(kind.key, kind, "no run")
    area, view = Area.of(width, height), view.of_chart(kind, _end(states, selected))
    is_rate = kind is ChartKind.RATE
    bands = kind not in (ChartKind.RATE, ChartKind.SPEED)
    preview = preview if is_rate else None
    context = ChartContext.of(states, selected, view, area, planned=is_rate, preview=preview, bands=bands)
    return _CHARTS[kind](context, kind.key)


def _end(states: Sequence[RunState], selected: int) -> float:
    """Return the last step of the selected run, the one that is planned where it still trains."""
    state = states[min(max(selected, 0), len(states) - 1)]
    return float(state.step if state.over else max(state.total_steps, state.step))
