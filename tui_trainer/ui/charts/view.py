"""The view of a set of runs (axis, visible span, smoothing): one frozen value that all charts share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_trainer.state.run_state import RunState

Axis = str
"""One of `AXES`, or the name of a column that the run records, such as `axis/tokens`."""
AXES: tuple[Axis, ...] = ("step", "epoch", "samples", "time", "evaluations")
SMOOTHING = (0, 10, 30, 100, 300, 1000)
"""Widths of the moving average, in steps; 0 draws none."""


End = float | None
"""An end of an axis; None where the values decide."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The ends of the axes of one chart that the user has set: y in its values, x in steps on every axis."""

    y: tuple[End, End] = (None, None)
    x: tuple[End, End] = (None, None)

    def __bool__(self) -> bool:
        return any(end is not None for end in (*self.y, *self.x))


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """The run that stays behind every chart, of the same set or of another one."""

    state: RunState


@dataclass(frozen=True, slots=True)
class View:
    """The view of a set of runs. Spans and the cursor are in steps on every axis, so a change of axis keeps them.

    Attributes:
        axis: unit of the horizontal axis.
        log: the charts by id whose vertical axis the user chose: logarithmic or not.
        log_y: the same for every other chart that is not one of shares, as a lesson says; None decides for each chart.
        log_x: whether the horizontal axis is logarithmic.
        clip: whether rare outliers may lie outside the vertical axis, marked at its edge.
        smoothing: width of the moving average over the training curve, in steps; 0 for none, None to follow the
            visible span.
        median: whether the smoothed curve is a moving median.
        span: first and last visible step; None shows the full run, including the part still to come.
        cursor: the step whose values are read out; None without a cursor.
        bars: the group of bars drawn over time, counted from 1; 0 draws the bars as they are now.
        band: whether runs that differ only in their seed are drawn as one band; None where a set has enough of them.
        limits: the ends of axes that the user has set, by the id of the chart.
        told: the steps at which remarks of a lesson appeared.
        foreseen: the steps at which a guard that is being written would have fired, by the name of the run.
        shaded: stretches of steps that a finding or card speaks of.
        hidden: names of the runs that are drawn only in front.
        baseline: the run that is drawn dim behind every other one.
        named: whether every curve has its name at its end, to be read from afar.
    """

    axis: Axis = "step"
    log: Mapping[str, bool] = field(default_factory=dict[str, bool])
    log_y: bool | None = None
    log_x: bool = False
    clip: bool = True
    smoothing: int | None = None
    median: bool = False
    span: tuple[float, float] | None = None
    cursor: float | None = None
    bars: int = 0
    band: bool | None = None
    limits: Mapping[str, Limits] = field(default_factory=dict[str, Limits])
    told: tuple[float, ...] = ()
    foreseen: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    shaded: tuple[tuple[float, float], ...] = ()
    hidden: frozenset[str] = frozenset()
    baseline: Baseline | None = None
    named: bool = False

    def next_axis(self, recorded: Sequence[str] = ()) -> View:
        """Return this view on the next axis.

        Args:
            recorded: the columns that the run records; they come after the axes that every run has.
        """
        axes = (*AXES, *recorded)
        return replace(self, axis=axes[(axes.index(self.axis) + 1) % len(axes)] if self.axis in axes else AXES[0])

    def with_limits(self, chart: str, limits: Limits) -> View:
        """Return this view with other ends of the axes of one chart; without any, the values decide again."""
        others = {name: known for name, known in self.limits.items() if name != chart}
        return replace(self, limits={**others, chart: limits} if limits else others)

    def of_chart(self, chart: str, end: float) -> View:
        """Return this view for one chart: the span that the user has set for it, up to `end` where only one end is."""
        limits = self.limits.get(chart)
        if limits is None or limits.x == (None, None):
            return self
        first, last = limits.x
        low, high = first or 0.0, end if last is None else last
        return replace(self, span=(low, high)) if low < high else self

    def with_log(self, chart: str, log: bool) -> View:
        """Return this view with the user's choice of the vertical axis of one chart."""
        return replace(self, log={**self.log, chart: log})
