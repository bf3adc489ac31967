"""A function over the plane as contour lines or regions, with paths and points on it."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Contour, Line
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import ChartData, Layer, LegendEntry, Regions, Scatter, Sign, Trail
from tui_trainer.ui.charts.palette import FRONT_RUNS, Role
from tui_trainer.ui.charts.pictures.contour_lines import contour_lines
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.pictures.plane import Plane, plane_of

SIGNS: tuple[Sign, ...] = ("point", "best", "gap", "above", "below")
"""Signs of the classes, so that they also differ without colours."""
RECENT_STEPS = 20
"""Newest steps of a path that are bright."""
MAX_JOINED = 60
"""Older points of a path from which only the points are drawn: their lines would be a wall."""


def draw(frame: Frame, drawing: Contour) -> ChartData:
    """Draw the plane of the run in front with its path, and the paths of the other runs in their own colours.

    The newest steps of a path are bright, the older ones dim. Zoomed in, the plane is that around the newest steps.
    """
    background = {
        index: other
        for index, other in frame.background.items()
        if isinstance(other, Contour) and other.paths and _starts_in(other, drawing)
    }
    plane = plane_of(frame, drawing, RECENT_STEPS)
    layers: list[Layer] = _ground(drawing, plane)
    legend: list[LegendEntry] = []
    for index, other in background.items():
        for line in other.paths:
            layers += _path(line, frame.run_role(index), frame.dim_role(index))
        legend.append(LegendEntry(frame.run_role(index), "line", _with(frame.name(index), other.paths[0])))
    for line in drawing.paths:
        layers += _path(line, frame.front_role, frame.dim_role(frame.front))
        name = frame.name(frame.front) if background else visible(line.name)
        legend.insert(0, LegendEntry(frame.front_role, "line", _with(name, line)))
    for index, spots in enumerate(drawing.spots):
        role = FRONT_RUNS[index % len(FRONT_RUNS)] if drawing.regions else frame.front_role
        inside = [(a, b) for a, b in zip(spots.x, spots.y, strict=True) if plane.holds(a, b)]
        sign = SIGNS[index % len(SIGNS)]
        layers.append(Scatter(role, tuple(a for a, _ in inside), tuple(b for _, b in inside), sign))
        legend.append(LegendEntry(role, sign, visible(spots.name)))
    notes = (*frame.notes(), *(LegendEntry("text", "", note) for note in plane.notes))
    return ChartData(
        frame.key, frame.title(drawing.title), plane.x, plane.y, unit=visible(drawing.x.label),
        notes=notes, legend=(*legend, *frame.readouts()), layers=tuple(layers),
    )  # fmt: skip


def _starts_in(other: Contour, drawing: Contour) -> bool:
    """Return whether another run's path begins in this plane: one from far away is of another function."""
    (left, right), (bottom, top) = _ends(drawing)
    line = other.paths[0]
    return not line.x or (left <= line.x[0] <= right and bottom <= line.y[0] <= top)


def _with(name: str, line: Line) -> str:
    return f"{name} {visible(line.text)}" if line.text else name


def _path(line: Line, bright: Role, dim: Role) -> list[Layer]:
    """Return a path: its newest steps bright, the older ones dim, as single points where there are many."""
    recent = len(line.x) - 1 - RECENT_STEPS
    if recent <= 0:
        return [Trail(bright, line.x, line.y)]
    older_x, older_y = line.x[: recent + 1], line.y[: recent + 1]
    older = Trail(dim, older_x, older_y, joined=len(older_x) <= MAX_JOINED, faint=True)
    return [older, Trail(bright, line.x[recent:], line.y[recent:])]


def _ground(drawing: Contour, plane: Plane) -> list[Layer]:
    """Return the map of the classes, or a line at each level."""
    across, upward = _ends(drawing)
    if drawing.regions:
        return [Regions(drawing.values, drawing.certainty, len(drawing.regions), across, upward)]
    lines = contour_lines(drawing.values, drawing.levels, across, upward)
    return [Trail("contour", x, y, faint=True) for x, y in lines if plane.touches(x, y)]


def _ends(drawing: Contour) -> tuple[tuple[float, float], tuple[float, float]]:
    x, y = drawing.x, drawing.y
    return _range(x.low, x.high), _range(y.low, y.high)


def _range(*ends: float | None) -> tuple[float, float]:
    low, high = (end if end is not None else 0.0 for end in ends)
    return low, high
