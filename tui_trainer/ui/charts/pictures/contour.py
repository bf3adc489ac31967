"""A function over the plane as bands or regions, with paths and points on it."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Contour, Line
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import ChartData, Field, Layer, LegendEntry, Scatter, Sign, Trail
from tui_trainer.ui.charts.palette import DIM_RUNS, LAYERS, RUNS, Role
from tui_trainer.ui.charts.pictures.frame import Frame

SIGNS: tuple[Sign, ...] = ("point", "best", "gap", "above", "below")
"""Signs of the classes, so that they also differ without colours."""


def draw(frame: Frame, drawing: Contour) -> ChartData:
    """Draw the plane of the run in front with its path, and the paths of the other runs in their own colours."""
    x, y = frame.plane_scale(drawing.x, upward=False), frame.plane_scale(drawing.y, upward=True)
    layers: list[Layer] = [_ground(drawing)]
    legend: list[LegendEntry] = []
    background = {
        index: other for index, other in frame.background.items() if isinstance(other, Contour) and other.paths
    }
    for index, other in background.items():
        role = RUNS[index % len(RUNS)]
        layers += [Trail(role, line.x, line.y) for line in other.paths]
        legend.append(LegendEntry(role, "line", _with(frame.name(index), other.paths[0])))
    for line in drawing.paths:
        role = frame.front_role if background else "title"
        layers.append(Trail(role, line.x, line.y))
        legend.insert(
            0, LegendEntry(role, "line", _with(frame.name(frame.front) if background else visible(line.name), line))
        )
    for index, spots in enumerate(drawing.spots):
        role = RUNS[index % len(RUNS)] if drawing.regions else frame.front_role if background else "best"
        inside = [
            (a, b) for a, b in zip(spots.x, spots.y, strict=True) if x.low <= a <= x.high and y.low <= b <= y.high
        ]
        sign = SIGNS[index % len(SIGNS)]
        layers.append(Scatter(role, tuple(a for a, _ in inside), tuple(b for _, b in inside), sign))
        legend.append(LegendEntry(role, sign, visible(spots.name)))
    return ChartData(
        frame.key, frame.title(drawing.title), x, y, unit=visible(drawing.x.label),
        notes=frame.notes(), legend=(*legend, *frame.readouts()), layers=tuple(layers),
    )  # fmt: skip


def _with(name: str, line: Line) -> str:
    return f"{name} {visible(line.text)}" if line.text else name


def _ground(drawing: Contour) -> Field:
    if drawing.regions:
        count = len(drawing.regions)
        roles: tuple[Role, ...] = tuple(DIM_RUNS[index % len(DIM_RUNS)] for index in range(count))
        return Field(drawing.values, tuple(index + 0.5 for index in range(count - 1)), roles, apart=True)
    return Field(drawing.values, drawing.levels, _ramp(len(drawing.levels) + 2), smooth=True)


def _ramp(count: int) -> tuple[Role, ...]:
    """Return roles from dark to bright. With one more than bands, the fullest shade is free for paths."""
    return tuple(LAYERS[index * (len(LAYERS) - 1) // max(count - 1, 1)] for index in range(count))
