"""Parts of a chart beyond the ends of its vertical axis: marked at the edge, moved to it, or left out."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.text import number
from tui_trainer.ui.charts.model import Annotation, Curve, Layer, Level, Scale, Scatter, Sign


def out_of_range_layers(curves: Sequence[Curve], scale: Scale) -> list[Layer]:
    """Return arrows at the edge of the chart where curves leave it, and the value that lies farthest out."""
    layers: list[Layer] = []
    above: list[tuple[float, float]] = [
        (x, high) for c in curves for x, high in zip(c.x, c.high, strict=True) if high > scale.high
    ]
    below: list[tuple[float, float]] = [
        (x, low) for c in curves for x, low in zip(c.x, c.low, strict=True) if low < scale.low
    ]
    sides: tuple[tuple[list[tuple[float, float]], float, Sign], ...] = (
        (above, scale.high, "above"),
        (below, scale.low, "below"),
    )
    for outliers, edge, sign in sides:
        if not outliers:
            continue
        x = tuple(sorted({x for x, _ in outliers}))
        layers.append(Scatter("title", x, (edge,) * len(x), sign))
        value, at = (max if sign == "above" else min)((value, x) for x, value in outliers)
        layers.append(Annotation("title", at, edge, number(value, 3), needed=True))
    return layers


def visible_levels(levels: Sequence[Level], scale: Scale) -> list[Level]:
    """Return the reference lines within the vertical axis."""
    return [level for level in levels if scale.low <= level.y <= scale.high]


def clamped(points: Scatter, scale: Scale) -> Scatter:
    """Move signs beyond an end of the vertical axis to that end."""
    return Scatter(points.role, points.x, tuple(min(max(y, scale.low), scale.high) for y in points.y), points.sign)
