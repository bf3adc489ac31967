"""Scatter plots, with the diagonal on which both coordinates are equal."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Points
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import ChartData, Curve, Layer, LegendEntry, Trail
from tui_trainer.ui.charts.palette import RUNS
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.ranges import vertical_scale

DIAGONAL_POINTS = 100
"""Points of the diagonal."""


def draw(frame: Frame, drawing: Points) -> ChartData:
    """Draw a dot for each point; with a diagonal, both axes cover the values of both coordinates."""
    xs = [x for spots in drawing.spots for x in spots.x]
    ys = [y for spots in drawing.spots for y in spots.y]
    if drawing.diagonal:
        xs = ys = [*xs, *ys]
    across, _ = frame.x_scale(xs, drawing.x)
    scale = vertical_scale([], frame.area.rows, log=False, required=ys)
    layers: list[Layer] = []
    if drawing.diagonal:
        low, high = max(across.low, scale.low), min(across.high, scale.high)
        line = tuple(low + (high - low) * k / DIAGONAL_POINTS for k in range(DIAGONAL_POINTS + 1))
        layers.append(Curve("reference", line, line, line, faint=True))
    layers += [Trail(RUNS[k % len(RUNS)], s.x, s.y, joined=False) for k, s in enumerate(drawing.spots)]
    legend = tuple(LegendEntry(RUNS[k % len(RUNS)], "point", visible(s.name)) for k, s in enumerate(drawing.spots))
    return ChartData(
        frame.key, frame.title(drawing.title), across, scale, unit=visible(drawing.x.label),
        notes=frame.notes(), legend=(*legend, *frame.readouts()), layers=tuple(layers),
        message="" if xs else "nothing to draw yet",
    )  # fmt: skip
