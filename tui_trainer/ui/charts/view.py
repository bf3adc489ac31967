"""The view of a set of runs (axis, visible span, smoothing): one frozen value that all charts share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Axis = Literal["step", "epoch", "samples", "time", "evaluations"]
AXES: tuple[Axis, ...] = ("step", "epoch", "samples", "time", "evaluations")
SMOOTHING = (0, 10, 30, 100, 300, 1000)
"""Widths of the moving average, in steps; 0 draws none."""


@dataclass(frozen=True, slots=True)
class View:
    """The view of a set of runs. Spans and the cursor are in steps on every axis, so a change of axis keeps them.

    Attributes:
        axis: unit of the horizontal axis.
        log_y: whether vertical axes are logarithmic.
        smoothing: width of the moving average over the training curve, in steps; 0 for none, None to follow the
            visible span.
        span: first and last visible step; None shows the full run, including the part still to come.
        cursor: the step whose values are read out; None without a cursor.
        bars: the group of bars drawn over time, counted from 1; 0 draws the bars as they are now.
        told: the steps at which remarks of a lesson appeared.
    """

    axis: Axis = "step"
    log_y: bool = False
    smoothing: int | None = None
    span: tuple[float, float] | None = None
    cursor: float | None = None
    bars: int = 0
    told: tuple[float, ...] = ()

    def next_axis(self) -> View:
        """Return this view on the next axis."""
        return replace(self, axis=AXES[(AXES.index(self.axis) + 1) % len(AXES)])
