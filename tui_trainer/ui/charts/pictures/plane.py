"""The part of a plane that a picture shows: undistorted where that leaves enough to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.protocol.pictures import Contour
from tui_trainer.ui.charts.model import Scale
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.ticks import horizontal_ticks, linear_ticks, nice, short

CELL_ASPECT = 2.0
"""Height of a cell over its width."""
MAX_ROOM = 4.0
"""Most room, as a factor of one axis, for showing both axes at the same scale; otherwise the title says the ratio."""
MARGIN = 0.15
"""Share of the range around the newest steps that is left free on either side."""


@dataclass(frozen=True, slots=True)
class Plane:
    """The visible part of a plane, and what its title says about it."""

    x: Scale
    y: Scale
    notes: tuple[str, ...] = ()

    def holds(self, x: float, y: float) -> bool:
        """Return whether a point is visible."""
        return self.x.low <= x <= self.x.high and self.y.low <= y <= self.y.high

    def touches(self, x: Sequence[float], y: Sequence[float]) -> bool:
        """Return whether a line may be visible."""
        beside = max(x) < self.x.low or min(x) > self.x.high
        return not (beside or max(y) < self.y.low or min(y) > self.y.high)


def plane_of(frame: Frame, drawing: Contour, recent: int) -> Plane:
    """Return the plane of a drawing, or with a zoomed view the part around the last `recent` steps of its path."""
    x, y = (drawing.x.low or 0.0, drawing.x.high or 1.0), (drawing.y.low or 0.0, drawing.y.high or 1.0)
    notes: list[str] = []
    path = drawing.paths[0] if drawing.paths else None
    if path is not None and len(path.x) > recent + 1:
        if frame.view.span is not None:
            x, y = _around(path.x[-recent - 1 :], x), _around(path.y[-recent - 1 :], y)
            notes.append(f"last {recent} steps")
        else:
            notes.append(f"last {recent} steps bright, z zooms in")
    columns, rows = max(frame.area.columns, 1), max(frame.area.rows, 1)
    # Units for each cell width, on both axes.
    across, upward = (x[1] - x[0]) / columns, (y[1] - y[0]) / rows / CELL_ASPECT
    if max(across, upward) <= MAX_ROOM * min(across, upward):
        if across > upward:
            y = _widened(y, across / upward)
        else:
            x = _widened(x, upward / across)
    else:
        ratio = short(float(f"{max(across / upward, upward / across):.2g}"))
        notes.append(f"{'up' if across > upward else 'across'} x{ratio}")
    step = nice((y[1] - y[0]) / min(max(rows // 2, 1), 8))
    upward_scale = Scale(*y, tuple(linear_ticks(*y, step)))
    return Plane(Scale(*x, tuple(horizontal_ticks(*x, columns))), upward_scale, tuple(notes))


def _around(positions: Sequence[float], full: tuple[float, float]) -> tuple[float, float]:
    """Return the range of positions with a margin, at least a millionth of the full range."""
    low, high = min(positions), max(positions)
    width = max(high - low, (full[1] - full[0]) * 1e-6)
    middle = (low + high) / 2
    return middle - width * (0.5 + MARGIN), middle + width * (0.5 + MARGIN)


def _widened(ends: tuple[float, float], factor: float) -> tuple[float, float]:
    middle, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2 * factor
    return middle - half, middle + half
