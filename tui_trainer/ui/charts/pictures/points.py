"""Clouds of points, and the line on which both coordinates are one."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Points as Cloud
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import ChartData, Curve, Layer, LegendEntry, Trail
from tui_trainer.ui.charts.palette import RUNS
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.ranges import vertical

BETWEEN = 100
"""Places of the diagonal."""


def draw(frame: Frame, drawing: Cloud) -> ChartData:
    """A dot for each point; both axes have the range of both where there is a diagonal."""
    xs = [x for spots in drawing.spots for x in spots.x]
    ys = [y for spots in drawing.spots for y in spots.y]
    if drawing.diagonal:
        xs = ys = [*xs, *ys]
    across, _ = frame.across(xs, drawing.x)
    scale = vertical([], frame.area.rows, log=False, firm=ys)
    layers: list[Layer] = []
    if drawing.diagonal:
        low, high = max(across.low, scale.low), min(across.high, scale.high)
        line = tuple(low + (high - low) * k / BETWEEN for k in range(BETWEEN + 1))
        layers.append(Curve("reference", line, line, line, faint=True))
    layers += [Trail(RUNS[k % len(RUNS)], s.x, s.y, joined=False) for k, s in enumerate(drawing.spots)]
    legend = tuple(LegendEntry(RUNS[k % len(RUNS)], "point", visible(s.name)) for k, s in enumerate(drawing.spots))
    return ChartData(
        frame.key, frame.title(drawing.title), across, scale, unit=visible(drawing.x.label),
        notes=frame.notes(), legend=(*legend, *frame.read_outs()), layers=tuple(layers),
        message="" if xs else "nothing to draw yet",
    )  # fmt: skip
