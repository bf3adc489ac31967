"""The horizontal axis of the charts: steps of a run as steps, epochs, samples, seconds or evaluations, and back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from math import isfinite

from tui_trainer.state.run_state import CLOCK, EVALUATIONS, RunState
from tui_trainer.state.series import Series
from tui_trainer.ui.charts.view import Axis

Span = tuple[float, float]
NARROWEST = 4.0
"""Steps that a zoom leaves visible at least."""
FARTHEST = 1e15
"""No step, sample or second beyond this: what lies there has lost its whole numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """The axis of one run: `place` says where a step lies on it, `step` which step lies at a place.

    Epochs and samples are steps by another name. Seconds follow the clock of the run and go on at its mean pace after
    the last step, so that a coming learning rate can be drawn by time too. Gradient evaluations, where a step may take
    several, are such a clock as well; where each takes one, they are steps.
    """

    axis: Axis = "step"
    steps_per_unit: float = 1.0
    clock: Series | None = None

    @classmethod
    def of(cls, state: RunState, axis: Axis) -> Ruler:
        """The axis of a run."""
        batch = state.started.batch_size if state.started is not None else 0
        match axis:
            case "epoch":
                return cls(axis, float(state.steps_per_epoch))
            case "samples":
                return cls(axis, 1 / max(batch, 1))
            case "time" | "evaluations":
                clock = state.series.get(CLOCK if axis == "time" else EVALUATIONS)
                return cls(axis, 1.0, clock if clock is not None and clock.count and clock.last else None)
            case _:
                return cls(axis)

    def place(self, step: float) -> float:
        """Where `step` lies on the axis."""
        if self.clock is None:
            return step / self.steps_per_unit
        return _seconds(self.clock, step)

    def step(self, place: float) -> float:
        """The step at `place`, between steps a fraction."""
        clock = self.clock
        if clock is None:
            return place * self.steps_per_unit
        end = clock.last or 0.0
        if place >= end:
            return clock.last_step + (place - end) * _pace(clock)
        if place <= 0:
            return place * _pace(clock)
        first = _first_second(clock)
        if place < first:
            return clock.first_step * place / first
        return clock.step_where(place)


def _pace(clock: Series) -> float:
    """Steps per second over the whole run."""
    return max(clock.last_step, 1) / max(clock.last or 0.0, 1e-9)


def _first_second(clock: Series) -> float:
    """What the clock showed at its first step; with the first steps in buckets, as good as nothing."""
    return clock.values[0] if clock.count == len(clock.steps) else 0.0


def _seconds(clock: Series, step: float) -> float:
    """The clock at `step`: exactly for recent steps, by halving `step_where` for those that live in buckets."""
    end = clock.last or 0.0
    if step >= clock.last_step:
        return end + (step - clock.last_step) / _pace(clock)
    if step <= 0:
        return step / _pace(clock)
    if step < clock.first_step:
        return _first_second(clock) * step / max(clock.first_step, 1)
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
    """The visible part of an axis, cut into `count` columns of dots of one width.

    The columns lie at the same places for every run of a chart; the steps at their edges are each run's own.
    """

    ruler: Ruler
    low: float
    high: float
    count: int
    edges: tuple[float, ...]
    """Steps at the `count + 1` edges, rising."""

    @classmethod
    def over(cls, ruler: Ruler, low: float, high: float, count: int) -> Grid:
        """The columns between two places of the axis."""
        width = (high - low) / max(count, 1)
        edges = [ruler.step(low + k * width) for k in range(count)] + [ruler.step(high)]
        return cls(ruler, low, high, count, tuple(edges))

    def centre(self, column: int) -> float:
        """The place in the middle of a column."""
        return self.low + (column + 0.5) * (self.high - self.low) / self.count

    def column(self, step: float) -> int | None:
        """The column in which a step lies, None outside."""
        if not self.count or not self.edges[0] <= step <= self.edges[-1]:
            return None
        return min(bisect_right(self.edges, step) - 1, self.count - 1)

    def spot(self, step: float) -> float | None:
        """The place of a step, None outside: the middle of its column, so that rules and signs never fall between."""
        column = self.column(step)
        return None if column is None else self.centre(column)

    def steps(self, first: float, last: float) -> list[int]:
        """Whole steps from `first` to `last`, at most one for each column, both ends among them where visible."""
        first, last = max(first, self.edges[0]), min(last, self.edges[-1])
        if last < first:
            return []
        inner = self.edges[bisect_right(self.edges, first) : bisect_left(self.edges, last)]
        return sorted({round(first), *(round(edge) for edge in inner), int(last)})


def proper(span: Span | None) -> Span | None:
    """A span that can be drawn: finite, rising, not narrower than can be told apart; None for one that cannot."""
    if span is None or not all(map(isfinite, span)):
        return None
    low, high = (min(max(edge, -FARTHEST), FARTHEST) for edge in sorted(span))
    room = max(1e-3, 1e-9 * max(abs(low), abs(high)))
    return (low, high) if high - low >= room else (low - room, high + room)


def within(span: Span, whole: Span) -> Span | None:
    """`span` moved into the whole run; None, which shows all of it, for one that is as wide."""
    width = max(span[1] - span[0], NARROWEST)
    if width >= whole[1] - whole[0]:
        return None
    first = min(max(span[0], whole[0]), whole[1] - width)
    return first, first + width
