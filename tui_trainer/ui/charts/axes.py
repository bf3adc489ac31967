"""The horizontal axis of the charts: convert steps to epochs, samples, seconds or evaluations, and back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from math import isfinite, log10

from tui_trainer.components.schedulers.epoch_lengths import (
    Lengths,
    epoch_at,
    samples_at,
    step_of_epoch,
    step_of_sample,
)
from tui_trainer.state.run_state import CLOCK, EVALUATIONS, RunState
from tui_trainer.state.series import Series
from tui_trainer.state.series_names import AXIS, group_of
from tui_trainer.ui.charts.history.rising import rising
from tui_trainer.ui.charts.view import Axis

Span = tuple[float, float]
MIN_SPAN = 4.0
"""Fewest steps that a zoom leaves visible."""
MAX_POSITION = 1e15
"""Largest position on an axis; floats beyond it no longer hold every integer."""


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """The axis of one run: `position` converts a step to a position on the axis, `step` converts it back.

    Epochs and samples are proportional to steps, as long as the batch size stays. Seconds follow the recorded clock of
    the run and continue at its mean speed after the last step, so that planned learning rates can be drawn over time.
    Gradient evaluations are such a clock if a step takes several of them, and equal to steps otherwise; so are the
    columns that a run records.
    """

    axis: Axis = "step"
    steps_per_unit: float = 1.0
    clock: Series | None = None
    lengths: Lengths = ()
    """The lengths of the epochs, for epochs and samples of a run whose batch size was changed."""

    @classmethod
    def of(cls, state: RunState, axis: Axis) -> Ruler:
        """Return the axis of a run."""
        batch = state.started.batch_size if state.started is not None else 0
        match axis:
            case "epoch":
                return cls(axis, float(state.steps_per_epoch), lengths=state.lengths)
            case "samples":
                return cls(axis, 1 / max(batch, 1), lengths=state.lengths)
            case "time" | "evaluations":
                clock = state.series.get(CLOCK if axis == "time" else EVALUATIONS)
                return cls(axis, 1.0, clock if clock is not None and clock.count and clock.last else None)
            case _:
                column = state.series.get(axis) if group_of(axis) == AXIS else None
                clock = rising(column) if column is not None else None
                return cls(axis, 1.0, clock if clock is not None and clock.count and clock.last else None)

    def position(self, step: float) -> float:
        """Return the position of `step` on the axis."""
        if self.lengths:
            return (epoch_at if self.axis == "epoch" else samples_at)(self.lengths, step)
        if self.clock is None:
            return step / self.steps_per_unit
        return _seconds(self.clock, step)

    def step(self, position: float) -> float:
        """Return the step at `position`, fractional between steps."""
        clock = self.clock
        if self.lengths:
            return (step_of_epoch if self.axis == "epoch" else step_of_sample)(self.lengths, position)
        if clock is None:
            return position * self.steps_per_unit
        end = clock.last or 0.0
        if position >= end:
            return clock.last_step + (position - end) * _mean_speed(clock)
        if position <= 0:
            return position * _mean_speed(clock)
        first = _first_seconds(clock)
        if position < first:
            return clock.first_step * position / first
        return clock.step_where(position)


def _mean_speed(clock: Series) -> float:
    """Return the mean steps per second of the run."""
    return max(clock.last_step, 1) / max(clock.last or 0.0, 1e-9)


def _first_seconds(clock: Series) -> float:
    """Return the clock at the first step; about 0 if the first steps are downsampled to buckets."""
    return clock.values[0] if clock.count == len(clock.steps) else 0.0


def _seconds(clock: Series, step: float) -> float:
    """Return the clock at `step`: exact for recent steps, by bisection over `step_where` for downsampled ones."""
    end = clock.last or 0.0
    if step >= clock.last_step:
        return end + (step - clock.last_step) / _mean_speed(clock)
    if step <= 0:
        return step / _mean_speed(clock)
    if step < clock.first_step:
        return _first_seconds(clock) * step / max(clock.first_step, 1)
    steps, values = clock.steps, clock.values
    if steps and step >= steps[0]:
        at = min(bisect_right(steps, step), len(steps) - 1) - 1
        share = (step - steps[at]) / max(steps[at + 1] - steps[at], 1)
        return values[at] + share * (values[at + 1] - values[at])
    low, high = 0.0, end
    for _ in range(48):
        middle = (low + high) / 2
        if clock.step_where(middle) < step:
            low = middle
        else:
            high = middle
    return high


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The visible part of an axis, divided into `count` equal columns of dots.

    The columns have the same positions for every run of a chart; the steps at their edges belong to each run. On a
    logarithmic axis `low`, `high` and all positions of the grid are logarithms of those of the ruler.
    """

    ruler: Ruler
    low: float
    high: float
    count: int
    edges: tuple[float, ...]
    """Steps at the `count + 1` edges, ascending."""
    log: bool = False

    @classmethod
    def over(cls, ruler: Ruler, low: float, high: float, count: int, *, log: bool = False) -> Grid:
        """Divide the range from `low` to `high` on the axis into `count` columns; with `log`, of equal ratios."""
        if log:
            low, high = log10(low), log10(high)
        width = (high - low) / max(count, 1)
        ends = [low + k * width for k in range(count)] + [high]
        edges = [ruler.step(10**end) for end in ends] if log else [ruler.step(end) for end in ends]
        return cls(ruler, low, high, count, tuple(edges), log)

    def position(self, step: float) -> float:
        """Return the position of a step on this axis; on a logarithmic one not before its beginning."""
        position = self.ruler.position(step)
        if not self.log:
            return position
        return log10(position) if position > 10**self.low else self.low

    def centre(self, column: int) -> float:
        """Return the position of the middle of a column."""
        return self.low + (column + 0.5) * (self.high - self.low) / self.count

    def column(self, step: float) -> int | None:
        """Return the column that contains a step, None outside."""
        if not self.count or not self.edges[0] <= step <= self.edges[-1]:
            return None
        return min(bisect_right(self.edges, step) - 1, self.count - 1)

    def snap(self, step: float) -> float | None:
        """Return the middle of the column that contains a step, None outside, so that marks align with cells."""
        column = self.column(step)
        return None if column is None else self.centre(column)

    def steps(self, first: float, last: float) -> list[int]:
        """Return integer steps from `first` to `last`, at most one for each column, including both ends if visible."""
        first, last = max(first, self.edges[0]), min(last, self.edges[-1])
        if last < first:
            return []
        inner = self.edges[bisect_right(self.edges, first) : bisect_left(self.edges, last)]
        return sorted({round(first), *(round(edge) for edge in inner), int(last)})


def valid_span(span: Span | None) -> Span | None:
    """Return the span sorted, limited and wide enough to draw; None if it is None or not finite."""
    if span is None or not all(map(isfinite, span)):
        return None
    low, high = (min(max(edge, -MAX_POSITION), MAX_POSITION) for edge in sorted(span))
    least = max(1e-3, 1e-9 * max(abs(low), abs(high)))
    return (low, high) if high - low >= least else (low - least, high + least)


def clamp_span(span: Span, full: Span) -> Span | None:
    """Return `span` moved into `full`; None, which shows the full run, if it is as wide as `full`."""
    width = max(span[1] - span[0], MIN_SPAN)
    if width >= full[1] - full[0]:
        return None
    first = min(max(span[0], full[0]), full[1] - width)
    return first, first + width
