"""Curves over a common axis; of several runs, one colour for each."""

from __future__ import annotations

import math

from tui_trainer.protocol.pictures import Line, Lines
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import Annotation, ChartData, Curve, Layer, LegendEntry, Level, Scatter
from tui_trainer.ui.charts.palette import DIM_RUNS, RUNS, Role
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.ranges import vertical

BEHIND = 6
"""Other runs whose curves are drawn, at most."""


def draw(frame: Frame, drawing: Lines) -> ChartData:
    """A colour for each solid line; a dotted one has that of the solid one before it. Of other runs, the first line.

    What is the same in another run is not drawn twice, and more than a few others would bury the run in front.
    """
    several = {place: held for place, held in frame.behind.items() if isinstance(held, Lines) and held != drawing}
    if len(several) > BEHIND:
        several = {}
    everything = [drawing, *several.values()]
    places = [x for held in everything for line in (*held.lines, *held.spots) for x in line.x]
    across, logs = frame.across(places, drawing.x)
    log = drawing.y.log or frame.view.log_y
    curves: list[Curve] = []
    names: list[Annotation] = []
    legend: list[LegendEntry] = []
    others: list[LegendEntry] = []
    for place, held in several.items():
        role = DIM_RUNS[place % len(DIM_RUNS)]
        found = [_curve(line, role, logs, log, faint=True) for line in held.lines[:1]]
        curves += found
        names += _named(found, frame.name(place))
        others.append(LegendEntry(role, "line", frame.name(place)))
    roles = _roles(drawing, frame.own if several else None)
    for line in drawing.lines:
        curve = _curve(line, roles[line.name], logs, log, dotted=line.dotted)
        curves.append(curve)
        names += _named([curve], line.name)
        legend.append(LegendEntry(curve.role, "dots" if line.dotted else "line", visible(line.name)))
    points = [
        Scatter(roles.get(spots.name, "best"), *_places(spots, logs, log), "point" if k % 2 == 0 else "best")
        for k, spots in enumerate(drawing.spots)
    ]
    firm = [end for end in (drawing.y.low, drawing.y.high) if end is not None]
    firm += [y for spots in points for y in spots.y] + [level.at for level in drawing.levels]
    scale = vertical(curves, frame.area.rows, log=log, firm=firm, cut=False)
    levels = [Level("reference", level.at, visible(level.text)) for level in drawing.levels]
    layers: list[Layer] = [*levels, *curves, *points, *names]
    return ChartData(
        frame.key, frame.title(drawing.title), across, scale, unit=visible(drawing.x.label), notes=frame.notes(log=log),
        legend=(*legend, *frame.read_outs(), *others), layers=tuple(layers),
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
    x, y = _places(line, logs, log)
    return Curve(role, x, y, y, dotted=dotted, faint=faint)


def _places(line: Line, logs: bool, log: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Places along the axis and values; what a logarithmic axis has no place for is left out."""
    kept = [(x, y) for x, y in zip(line.x, line.y, strict=True) if (x > 0 or not logs) and (y > 0 or not log)]
    return tuple(math.log10(x) if logs else x for x, _ in kept), tuple(y for _, y in kept)


def _named(curves: list[Curve], name: str) -> list[Annotation]:
    return [Annotation(curve.role, curve.x[-1], curve.high[-1], f" {visible(name)}") for curve in curves if curve.x]
