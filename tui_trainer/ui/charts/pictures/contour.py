"""A function over the plane as bands or regions, and what moves or lies on it."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Contour, Line
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import ChartData, Field, Layer, LegendEntry, Scatter, Sign, Trail
from tui_trainer.ui.charts.palette import DIM_RUNS, LAYERS, RUNS, Role
from tui_trainer.ui.charts.pictures.frame import Frame

SIGNS: tuple[Sign, ...] = ("point", "best", "gap", "above", "below")
"""Signs of the classes: colour is never all that tells them apart."""


def draw(frame: Frame, drawing: Contour) -> ChartData:
    """The plane of the run in front; over it its way, and those of the other runs each in its own colour."""
    x, y = frame.plane(drawing.x, upward=False), frame.plane(drawing.y, upward=True)
    layers: list[Layer] = [_ground(drawing)]
    legend: list[LegendEntry] = []
    several = {place: held for place, held in frame.behind.items() if isinstance(held, Contour) and held.paths}
    for place, held in several.items():
        role = RUNS[place % len(RUNS)]
        layers += [Trail(role, line.x, line.y) for line in held.paths]
        legend.append(LegendEntry(role, "line", _with(frame.name(place), held.paths[0])))
    for line in drawing.paths:
        role = frame.own if several else "title"
        layers.append(Trail(role, line.x, line.y))
        legend.insert(
            0, LegendEntry(role, "line", _with(frame.name(frame.front) if several else visible(line.name), line))
        )
    for place, spots in enumerate(drawing.spots):
        role = RUNS[place % len(RUNS)] if drawing.regions else frame.own if several else "best"
        kept = [(a, b) for a, b in zip(spots.x, spots.y, strict=True) if x.low <= a <= x.high and y.low <= b <= y.high]
        sign = SIGNS[place % len(SIGNS)]
        layers.append(Scatter(role, tuple(a for a, _ in kept), tuple(b for _, b in kept), sign))
        legend.append(LegendEntry(role, sign, visible(spots.name)))
    return ChartData(
        frame.key, frame.title(drawing.title), x, y, unit=visible(drawing.x.label),
        notes=frame.notes(), legend=(*legend, *frame.read_outs()), layers=tuple(layers),
    )  # fmt: skip


def _with(name: str, line: Line) -> str:
    return f"{name} {visible(line.text)}" if line.text else name


def _ground(drawing: Contour) -> Field:
    if drawing.regions:
        count = len(drawing.regions)
        roles: tuple[Role, ...] = tuple(DIM_RUNS[place % len(DIM_RUNS)] for place in range(count))
        return Field(drawing.values, tuple(place + 0.5 for place in range(count - 1)), roles, apart=True)
    return Field(drawing.values, drawing.levels, _ramp(len(drawing.levels) + 2), smooth=True)


def _ramp(count: int) -> tuple[Role, ...]:
    """From dark to bright. The brightest and fullest shade is left for what lies on the ground."""
    return tuple(LAYERS[place * (len(LAYERS) - 1) // max(count - 1, 1)] for place in range(count))
