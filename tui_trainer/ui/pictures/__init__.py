"""Pictures of runs: pure functions from states and a view to what a chart shows.

A new chart is a file beside this one, a name in `ChartKind` and a row in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from tui_trainer.components.plan import Plan
from tui_trainer.protocol.state import RunState
from tui_trainer.ui.pictures import layers, loss, metric, norm, rate, speed
from tui_trainer.ui.pictures.picture import Area, Picture, blank
from tui_trainer.ui.pictures.scene import Scene, visible_span
from tui_trainer.ui.pictures.values import values_at
from tui_trainer.ui.view import View

__all__ = ["ChartKind", "Picture", "charts_of", "pane_named", "picture", "values_at", "visible_span"]


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


_CHARTS: dict[ChartKind, Callable[[Scene, int], Picture]] = {
    ChartKind.LOSS: loss.draw,
    ChartKind.RATE: rate.draw,
    ChartKind.NORM: norm.draw,
    ChartKind.METRIC: metric.draw,
    ChartKind.SPEED: speed.draw,
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


def pane_named(name: str, states: Sequence[RunState], front: int) -> ChartKind | None:
    """The chart of a name, where the run in front has something for it."""
    return next((kind for kind in charts_of(states[front] if states else None) if kind == name), None)


def picture(
    kind: ChartKind,
    states: Sequence[RunState],
    selected: int,
    view: View,
    width: int,
    height: int,
    preview: Plan | None = None,
) -> Picture:
    """The picture of one chart for a room of `width` by `height` cells.

    Args:
        kind: which chart.
        states: the runs to show over each other; a run keeps its colour as long as it keeps its place.
        selected: the place of the run in front.
        view: how they are looked at.
        width: cells across.
        height: cells from top to bottom.
        preview: for the learning rate, a plan that is considered, drawn beside the one in force.
    """
    kind = ChartKind(kind)
    if not states:
        return blank(kind.key, kind, "no run")
    area = Area.of(width, height)
    considered = preview if kind is ChartKind.RATE else None
    scene = Scene.of(states, selected, view, area, planned=kind is ChartKind.RATE, preview=considered)
    return _CHARTS[kind](scene, kind.key)
