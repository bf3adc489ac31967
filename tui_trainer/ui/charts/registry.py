"""Pictures of runs: pure functions from states and a view to what a chart shows.

A new chart is a file beside this one, a name in `ChartKind` and a row in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from tui_trainer.components.schedulers.builtin import Constant
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.context import ChartContext, visible_span, visible_spans
from tui_trainer.ui.charts.kinds import gradient_norm, layers, learning_rate, loss, metric, throughput
from tui_trainer.ui.charts.model import Area, ChartData, blank
from tui_trainer.ui.charts.pictures.registry import PicturePane, draw, shots_of
from tui_trainer.ui.charts.readout import values_at
from tui_trainer.ui.charts.view import View

__all__ = [
    "IN_SIGHT",
    "ChartData",
    "ChartKind",
    "Pane",
    "PicturePane",
    "chart_data",
    "charts_of",
    "pane_named",
    "panes_of",
    "shots_of",
    "values_at",
    "visible_span",
    "visible_spans",
]


class ChartKind(StrEnum):
    """The charts, in the order of their keys."""

    LOSS = "loss"
    RATE = "rate"
    NORM = "norm"
    METRIC = "metric"
    SPEED = "speed"
    LAYERS = "layers"

    @property
    def key(self) -> int:
        """The number that opens it."""
        return list(ChartKind).index(self) + 1


Pane = ChartKind | PicturePane
"""What has a place on the screen: a chart of what was measured step by step, or a picture that the run took."""

IN_SIGHT = 3
"""Pictures that stand beside the charts, at most."""


_CHARTS: dict[ChartKind, Callable[[ChartContext, int], ChartData]] = {
    ChartKind.LOSS: loss.draw,
    ChartKind.RATE: learning_rate.draw,
    ChartKind.NORM: gradient_norm.draw,
    ChartKind.METRIC: metric.draw,
    ChartKind.SPEED: throughput.draw,
    ChartKind.LAYERS: layers.draw,
}


def charts_of(state: RunState | None) -> tuple[ChartKind, ...]:
    """The charts that have something to show of a run, by their keys; before anything is known, all of them.

    A chart that is left out can still be drawn: it then says what is missing.
    """
    if state is None or state.started is None:
        return tuple(ChartKind)
    missing = {
        ChartKind.METRIC: not metric.metric_of(state),
        ChartKind.LAYERS: not (layers.layers_of(state) or state.started.layers),
    }
    return tuple(kind for kind in ChartKind if not missing.get(kind))


def panes_of(states: Sequence[RunState], front: int) -> tuple[Pane, ...]:
    """The charts and the first pictures, the most important first: the loss, a picture, and so on in turns.

    Beside pictures a rate that never changes comes last: its line says no more than its number.
    """
    state = states[min(max(front, 0), len(states) - 1)] if states else None
    charts = charts_of(state)
    shots = shots_of(states, front)[:IN_SIGHT]
    if shots and state is not None and _is_level(state):
        charts = (*(kind for kind in charts if kind is not ChartKind.RATE), ChartKind.RATE)
    turns = [pane for pair in zip(charts, shots, strict=False) for pane in pair]
    return (*turns, *charts[len(shots) :])


def _is_level(state: RunState) -> bool:
    """Whether the rate is one number for the whole run, and nobody has steered it."""
    scheduler = state.plan.scheduler if state.plan is not None else None
    return isinstance(scheduler, Constant) and not (scheduler.steps or scheduler.warmup or state.marks)


def pane_named(name: str, states: Sequence[RunState], front: int) -> Pane | None:
    """The picture or the chart of a name; of both, the picture."""
    panes = (*shots_of(states, front), *charts_of(states[front] if states else None))
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
    """The picture of one chart for a room of `width` by `height` cells.

    Args:
        kind: which chart or picture.
        states: the runs to show over each other; a run keeps its colour as long as it keeps its place.
        selected: the place of the run in front.
        view: how they are looked at.
        width: cells across.
        height: cells from top to bottom.
        preview: for the learning rate, a plan that is considered, drawn beside the one in force.
    """
    if isinstance(kind, PicturePane):
        return draw(kind, states, selected, view, width, height)
    kind = ChartKind(kind)
    if not states:
        return blank(kind.key, kind, "no run")
    area = Area.of(width, height)
    considered = preview if kind is ChartKind.RATE else None
    scene = ChartContext.of(states, selected, view, area, planned=kind is ChartKind.RATE, preview=considered)
    return _CHARTS[kind](scene, kind.key)
