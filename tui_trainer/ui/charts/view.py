"""How a person looks at a run: which axis, which part of it, how smooth. One frozen value, shared by all charts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Axis = Literal["step", "epoch", "samples", "time", "evaluations"]
AXES: tuple[Axis, ...] = ("step", "epoch", "samples", "time", "evaluations")
SMOOTHING = (0, 10, 30, 100, 300, 1000)
"""Widths of the moving average in steps; 0 draws none."""


@dataclass(frozen=True, slots=True)
class View:
    """The look at a set of runs. Spans and the cursor are in steps whatever the axis shows, so that they survive `a`.

    Attributes:
        axis: what the horizontal axis counts.
        log_y: logarithmic vertical axes.
        smoothing: width of the moving average over the training curve, in steps; 0 for none, None for one that follows
            the visible span.
        span: first and last visible step; None shows the whole run, with the part still to come.
        cursor: the step whose values are read out, None without a cursor.
        bars: which group of bars is drawn over time, counted from 1; 0 draws bars as they are now.
        told: the steps at which remarks of a lesson came up.
    """

    axis: Axis = "step"
    log_y: bool = False
    smoothing: int | None = None
    span: tuple[float, float] | None = None
    cursor: float | None = None
    bars: int = 0
    told: tuple[float, ...] = ()

    def next_axis(self) -> View:
        """The same look on the next axis."""
        return replace(self, axis=AXES[(AXES.index(self.axis) + 1) % len(AXES)])
