"""What a chart is asked to show: which runs, looked at how, in how much room. Every chart starts from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series
from tui_trainer.text import visible
from tui_trainer.ui.charts.axes import FARTHEST, Grid, Ruler, Span, proper
from tui_trainer.ui.charts.model import Area
from tui_trainer.ui.charts.palette import DIM_RUNS, RUNS, Role
from tui_trainer.ui.charts.ranges import reach
from tui_trainer.ui.charts.resample import Resampled
from tui_trainer.ui.charts.view import View

_NOTHING = Series()
MOST_BEHIND = 16
"""Runs that are drawn behind the one in front; more would be a cloud, and no key would be answered in time."""


@dataclass(frozen=True, slots=True, eq=False)
class ChartContext:
    """One run in front, others behind it, and the visible part of each along a common axis.

    Attributes:
        states: the runs; a run keeps its colour as long as it keeps its place.
        front: the place of the one in front.
        view: how they are looked at.
        area: the room.
        grids: the visible part of each run.
        whole: the steps of the run in front that are visible when nothing is zoomed.
        preview: a plan of the learning rate that is only considered.
    """

    states: Sequence[RunState]
    front: int
    view: View
    area: Area
    grids: tuple[Grid, ...]
    whole: Span
    preview: LrPlan | None = None

    @classmethod
    def of(
        cls,
        states: Sequence[RunState],
        selected: int,
        view: View,
        area: Area,
        *,
        planned: bool = False,
        preview: LrPlan | None = None,
    ) -> ChartContext:
        """Lay the runs along the axis; `planned` shows the whole of what is planned, and not what there is so far."""
        front = min(max(selected, 0), len(states) - 1)
        if view.cursor is not None:
            cursor = min(max(view.cursor, -FARTHEST), FARTHEST) if isfinite(view.cursor) else None
            view = replace(view, cursor=cursor)
        rulers = [Ruler.of(state, view.axis) for state in states]
        low, high = 0.0, max(_end(state, ruler, planned) for state, ruler in zip(states, rulers, strict=True))
        if preview is not None:
            high = max(high, rulers[front].place(preview.end))
        whole = (0.0, rulers[front].step(high))
        span = proper(view.span)
        if span is not None:
            low, high = rulers[front].place(span[0]), rulers[front].place(span[1])
        if not high > low:
            high = low + max(abs(low), 1.0) * 1e-6
        grids = tuple(Grid.over(ruler, low, high, area.columns * 2) for ruler in rulers)
        return cls(states, front, view, area, grids, whole, preview)

    @property
    def state(self) -> RunState:
        """The run in front."""
        return self.states[self.front]

    @property
    def grid(self) -> Grid:
        """The visible part of the run in front."""
        return self.grids[self.front]

    @property
    def behind(self) -> list[int]:
        """The places of the other runs."""
        return [place for place in range(len(self.states)) if place != self.front]

    @property
    def thinned(self) -> list[int]:
        """Of many other runs as many as can be told apart, spread evenly and always the same ones."""
        behind = self.behind
        if len(behind) <= MOST_BEHIND:
            return behind
        return [behind[place * (len(behind) - 1) // (MOST_BEHIND - 1)] for place in range(MOST_BEHIND)]

    @property
    def alone(self) -> bool:
        """Whether there is one run only."""
        return len(self.states) == 1

    @property
    def falls_to_nothing(self) -> bool:
        """Whether the run in front goes down a function to its lowest point, at 0: by powers of ten, to the end."""
        return self.state.started is not None and self.state.started.task == "minimise"

    def cut(self, name: str, run: int | None = None) -> Resampled:
        """A series of a run (of the one in front, by default) along the axis; an empty one where there is none."""
        place = self.front if run is None else run
        return Resampled.of(self.states[place].series.get(name, _NOTHING), self.grids[place])

    def own(self, role: Role) -> Role:
        """The role of a curve of the run in front: beside other runs, the run's own colour."""
        return role if self.alone else RUNS[self.front % len(RUNS)]

    def dim(self, run: int | None = None) -> Role:
        """The quiet colour of a run."""
        return DIM_RUNS[(self.front if run is None else run) % len(DIM_RUNS)]

    def moment(self, run: int | None = None) -> float | None:
        """The step at which values are read: under the cursor, None for the newest.

        Another run is read at the same place of the axis, which may be another step.
        """
        if self.view.cursor is None:
            return None
        place = self.front if run is None else run
        if place == self.front:
            return self.view.cursor
        return self.grids[place].ruler.step(self.grid.ruler.place(self.view.cursor))

    def value(
        self, cut: Resampled, values: Sequence[float | None] | None = None, run: int | None = None
    ) -> float | None:
        """What a series has under the cursor, or at the end; with `values`, what a line through its columns has."""
        moment = self.moment(run)
        if values is None:
            if moment is None:
                return cut.series.last
            found = cut.series.at(moment)
            return None if found is None else found[1]
        last = len(values) - 1 if moment is None else cut.grid.column(moment)
        if last is None:
            return None
        return next((value for value in reversed(values[: last + 1]) if value is not None), None)

    def name(self, run: int) -> str:
        """A short name of a run."""
        return short_name(self.states[run]) or f"run {run + 1}"


def _end(state: RunState, ruler: Ruler, planned: bool) -> float:
    if planned and not state.over:
        return ruler.place(max(state.total_steps, state.step, 1))
    return reach(ruler, state.step, state.total_steps, state.over)


def visible_span(states: Sequence[RunState], selected: int, view: View) -> Span:
    """The first and the last step that the charts show of the selected run."""
    edges = ChartContext.of(states, selected, view, Area.of(3, 9)).grid.edges
    return edges[0], edges[-1]


def visible_spans(states: Sequence[RunState], selected: int, view: View) -> list[Span]:
    """The same for every run, in its own steps."""
    grids = ChartContext.of(states, selected, view, Area.of(3, 9)).grids
    return [(grid.edges[0], grid.edges[-1]) for grid in grids]


def short_name(state: RunState) -> str:
    """The end of a run's name, which tells the runs of a group apart; its title where it has no name."""
    name = state.run.rsplit("/", 1)[-1] or (state.started.title if state.started is not None else "")
    return visible(name)[:24]
