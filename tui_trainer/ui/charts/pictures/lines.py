"""Curves over a common axis, in one colour for each run if there are several."""

from __future__ import annotations

import math

from tui_trainer.protocol.pictures import Line, Lines
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import Annotation, ChartData, Curve, Layer, LegendEntry, Level, Scatter
from tui_trainer.ui.charts.palette import RUNS, Role
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.ranges import vertical_scale

MAX_BACKGROUND = 6
"""Most background runs whose curves are drawn; with more of them, none is drawn."""


def draw(frame: Frame, drawing: Lines) -> ChartData:
    """Draw each solid line in its own colour and a dotted line in that of the solid line before it.

    Background runs show only their first line, and none if their drawing equals the one in front. More than
    `MAX_BACKGROUND`
    background runs are left out, because they would hide the run in front.
    """
    background = {
        index: other for index, other in frame.background.items() if isinstance(other, Lines) and other != drawing
    }
    if len(background) > MAX_BACKGROUND:
        background = {}
    everything = [drawing, *background.values()]
    positions = [x for other in everything for line in (*other.lines, *other.spots) for x in line.x]
    across, logs = frame.x_scale(positions, drawing.x)
    log = frame.log(drawing.y)
    curves: list[Curve] = []
    names: list[Annotation] = []
    legend: list[LegendEntry] = []
    others: list[LegendEntry] = []
    for index, other in background.items():
        role = frame.run_role(index)
        run_curves = [_curve(line, role, logs, log, faint=True) for line in other.lines[:1]]
        curves += run_curves
        names += _named(run_curves, frame.name(index))
        others.append(LegendEntry(role, "line", frame.name(index)))
    roles = _roles(drawing, frame.front_role if background else None)
    for line in drawing.lines:
        curve = _curve(line, roles[line.name], logs, log, dotted=line.dotted)
        curves.append(curve)
        names += _named([curve], line.name)
        legend.append(LegendEntry(curve.role, "dots" if line.dotted else "line", visible(line.name)))
    points = [
        Scatter(roles.get(spots.name, "best"), *_positions(spots, logs, log), "point" if k % 2 == 0 else "best")
        for k, spots in enumerate(drawing.spots)
    ]
    required = [end for end in (drawing.y.low, drawing.y.high) if end is not None]
    required += [y for spots in points for y in spots.y] + [level.at for level in drawing.levels]
    scale = vertical_scale(curves, frame.area.rows, log=log, required=required, trim=False)
    levels = [Level("reference", level.at, visible(level.text)) for level in drawing.levels]
    layers: list[Layer] = [*levels, *curves, *points, *names]
    return ChartData(
        frame.key, frame.title(drawing.title), across, scale, unit=visible(drawing.x.label), notes=frame.notes(log=log),
        legend=(*legend, *frame.readouts(), *others), layers=tuple(layers),
        message="" if any(curve.x for curve in curves) else "nothing to draw yet",
    )  # fmt: skip


def _roles(drawing: Lines, own: Role | None) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    used = -1
    for line in drawing.lines:
        used += not line.dotted or used < 0
        roles[line.name] = own or RUNS[used % len(RUNS)]
    return roles


def _curve(line: Line, role: Role, logs: bool, log: bool, *, dotted: bool = False, faint: bool = False) -> Curve:
    x, y = _positions(line, logs, log)
    return Curve(role, x, y, y, dotted=dotted, faint=faint)


def _positions(line: Line, logs: bool, log: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return x and y of a line, without values that a logarithmic axis cannot show."""
    points = [(x, y) for x, y in zip(line.x, line.y, strict=True) if (x > 0 or not logs) and (y > 0 or not log)]
    return tuple(math.log10(x) if logs else x for x, _ in points), tuple(y for _, y in points)


def _named(curves: list[Curve], name: str) -> list[Annotation]:
    return [Annotation(curve.role, curve.x[-1], curve.high[-1], f" {visible(name)}") for curve in curves if curve.x]
