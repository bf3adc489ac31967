"""The input of every chart: runs, view and area, with the visible part of each run on a common axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.runs.label import short_name as short_run_name
from tui_trainer.state.colors import assign_colors
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series
from tui_trainer.text import visible
from tui_trainer.ui.charts.axes import MAX_POSITION, Grid, Ruler, Span, valid_span
from tui_trainer.ui.charts.model import Area
from tui_trainer.ui.charts.palette import DIM_RUNS, FRONT_RUNS, RUNS, Role
from tui_trainer.ui.charts.ranges import axis_end
from tui_trainer.ui.charts.resample import Resampled
from tui_trainer.ui.charts.seeds.groups import Groups, drawn_groups
from tui_trainer.ui.charts.seeds.mean import SeedMean
from tui_trainer.ui.charts.view import View

_NOTHING = Series()
MIN_LOG_POSITION = 1e-9
"""Smallest position on a logarithmic axis."""
MAX_BACKGROUND_RUNS = 16
"""Most runs drawn behind the one in front. More cannot be told apart, and drawing them would delay the keys."""


@dataclass(frozen=True, slots=True, eq=False)
class ChartContext:
    """One run in front, the others behind it, and the visible part of each along a common axis.

    Attributes:
        states: the runs.
        front: index of the run in front.
        view: axis, visible span, smoothing and cursor.
        area: the cells of the chart.
        grids: the visible part of each run.
        full_span: first and last step of the run in front that are visible without zoom.
        preview: a learning-rate plan that is not in force yet.
        colors: the colour number of each run.
        baseline: the run behind all others and its visible part; None where it is the run in front.
        seeds: the groups of runs that are drawn as one band each.
    """

    states: Sequence[RunState]
    front: int
    view: View
    area: Area
    grids: tuple[Grid, ...]
    full_span: Span
    preview: LrPlan | None = None
    colors: tuple[int, ...] = (0,)
    baseline: tuple[RunState, Grid] | None = None
    seeds: Groups = ()

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
        bands: bool = False,
    ) -> ChartContext:
        """Lay the runs along the axis, up to the planned end of the run if `planned`, else up to the data so far.

        With `bands`, runs that differ only in their seed are one band where the view says so.
        """
        front = min(max(selected, 0), len(states) - 1)
        if view.cursor is not None:
            cursor = min(max(view.cursor, -MAX_POSITION), MAX_POSITION) if isfinite(view.cursor) else None
            view = replace(view, cursor=cursor)
        rulers = [Ruler.of(state, view.axis) for state in states]
        low, high = 0.0, max(_end(state, ruler, planned) for state, ruler in zip(states, rulers, strict=True))
        if preview is not None:
            high = max(high, rulers[front].position(preview.end))
        full_span = (0.0, rulers[front].step(high))
        span = valid_span(view.span)
        if span is not None:
            low, high = rulers[front].position(span[0]), rulers[front].position(span[1])
        if view.log_x:
            low = max(low, min(ruler.position(1) for ruler in rulers), MIN_LOG_POSITION)
        if not high > low:
            high = low + max(abs(low), 1.0) * 1e-6
        grids = tuple(Grid.over(ruler, low, high, area.columns * 2, log=view.log_x) for ruler in rulers)
        colors = tuple(run_colors(states))
        baseline = None
        if view.baseline is not None and not same_run(view.baseline.state, states[front]):
            ruler = Ruler.of(view.baseline.state, view.axis)
            baseline = view.baseline.state, Grid.over(ruler, low, high, area.columns * 2, log=view.log_x)
        seeds = drawn_groups(states, view.band) if bands else ()
        return cls(states, front, view, area, grids, full_span, preview, colors, baseline, seeds)

    @property
    def state(self) -> RunState:
        """The run in front."""
        return self.states[self.front]

    @property
    def grid(self) -> Grid:
        """The visible part of the run in front."""
        return self.grids[self.front]

    @property
    def other_runs(self) -> list[int]:
        """Indices of the runs behind the one in front: not hidden, not the baseline; of a band, the first one."""
        apart = self.baseline[0] if self.baseline is not None else None
        banded = {run for group in self.seeds for run in (group if self.front in group else group[1:])}
        others = [index for index in range(len(self.states)) if index != self.front and index not in banded]
        shown = [index for index in others if self.states[index].run not in self.view.hidden]
        return [index for index in shown if apart is None or not same_run(self.states[index], apart)]

    @property
    def background_sample(self) -> list[int]:
        """Indices of the background runs that are drawn: at most `MAX_BACKGROUND_RUNS`, evenly spread."""
        others = self.other_runs
        if len(others) <= MAX_BACKGROUND_RUNS:
            return others
        last, count = len(others) - 1, MAX_BACKGROUND_RUNS
        return [others[index * last // (count - 1)] for index in range(count)]

    @property
    def single_run(self) -> bool:
        """Whether there is only one run, or one band of all runs."""
        return len(self.states) == 1 or (len(self.seeds) == 1 and len(self.seeds[0]) == len(self.states))

    def group_of(self, run: int) -> tuple[int, ...]:
        """Return the runs of the band that a run belongs to; empty where it is drawn on its own."""
        return next((group for group in self.seeds if run in group), ())

    @property
    def converges_to_zero(self) -> bool:
        """Whether the run in front minimises a function whose minimum is 0, so that its loss falls by powers of ten."""
        return self.state.started is not None and self.state.started.task == "minimise"

    def resample(self, name: str, run: int | None = None) -> Resampled:
        """Resample a series of a run (by default the one in front) along the axis; empty without such a series.

        A run of a band gives the mean over the runs of that band that have the series.
        """
        index = self.front if run is None else run
        members = [
            Resampled.of(series, self.grids[member])
            for member in self.group_of(index)
            if (series := self.states[member].series.get(name)) is not None and series.count
        ]
        if len(members) > 1:
            return SeedMean.over(members)
        return Resampled.of(self.states[index].series.get(name, _NOTHING), self.grids[index])

    def resample_baseline(self, name: str) -> Resampled | None:
        """Resample a series of the baseline along the axis; None where there is no baseline, or no such series."""
        if self.baseline is None or name not in self.baseline[0].series:
            return None
        return Resampled.of(self.baseline[0].series[name], self.baseline[1])

    def front_role(self, role: Role) -> Role:
        """Return the role of a curve of the run in front: `role` for a single run, else its own colour, bold."""
        return role if self.single_run else FRONT_RUNS[self.colors[self.front]]

    def run_role(self, run: int) -> Role:
        """Return the role of a curve of a run behind the one in front."""
        return RUNS[self.colors[run]]

    def seeds_role(self, role: Role, run: int | None = None) -> Role:
        """Return the role of the deviation around a curve with this role, or around that of a run behind."""
        if run is None and self.single_run:
            return "validation-band" if role == "validation" else self.band_role()
        return DIM_RUNS[self.colors[self.front if run is None else run]]

    def band_role(self) -> Role:
        """Return the role of the raw values of the run in front, behind its smoothed curve."""
        return "train-band" if self.single_run else DIM_RUNS[self.colors[self.front]]

    def cursor_step(self, run: int | None = None) -> float | None:
        """Return the step under the cursor, None without a cursor.

        Another run is read at the same position on the axis, which may be another step.
        """
        if self.view.cursor is None:
            return None
        index = self.front if run is None else run
        if index == self.front:
            return self.view.cursor
        return self.grids[index].ruler.step(self.grid.ruler.position(self.view.cursor))

    def value(
        self, resampled: Resampled, values: Sequence[float | None] | None = None, run: int | None = None
    ) -> float | None:
        """Return the value under the cursor, or the newest one: of the series, or of `values` (one for each column)."""
        cursor_step = self.cursor_step(run)
        if values is None:
            if cursor_step is None:
                return resampled.series.last
            sample = resampled.series.at(cursor_step)
            return None if sample is None else sample[1]
        last = len(values) - 1 if cursor_step is None else resampled.grid.column(cursor_step)
        if last is None:
            return None
        return next((value for value in reversed(values[: last + 1]) if value is not None), None)

    def front_label(self, label: str) -> str:
        """Return the legend text of the run in front: `label` for a single run, else the name of the run."""
        return label if self.single_run else self.name(self.front)

    def name(self, run: int) -> str:
        """Return a short name of a run, or that of its band."""
        group = self.group_of(run)
        if group:
            return group_name([self.states[member] for member in group])
        return short_name(self.states[run]) or f"run {run + 1}"


def same_run(one: RunState, other: RunState) -> bool:
    """Return whether two states are those of one run, as far as name and folder tell."""
    paths = [state.started.path if state.started is not None else "" for state in (one, other)]
    return one is other or (one.run == other.run and paths[0] == paths[1])


def run_colors(states: Sequence[RunState]) -> list[int]:
    """Return the colour number of each run: the stored one, or one that follows from the names."""
    if len(states) == 1:
        return [0]
    names = [state.run or f"run {index}" for index, state in enumerate(states)]
    stored = {name: getattr(state.started, "color", None) for name, state in zip(names, states, strict=True)}
    colors = assign_colors(names, stored)
    return [colors[name] for name in names]


def _end(state: RunState, ruler: Ruler, planned: bool) -> float:
    if planned and not state.over:
        return ruler.position(max(state.total_steps, state.step, 1))
    end = axis_end(ruler, state.step, state.total_steps, state.over)
    race = state.race
    return max(end, ruler.position(race.step + race.steps)) if race is not None and race.waits else end


def visible_span(states: Sequence[RunState], selected: int, view: View) -> Span:
    """Return the first and last step of the selected run that the charts show."""
    edges = ChartContext.of(states, selected, view, Area.of(3, 9)).grid.edges
    return edges[0], edges[-1]


def visible_spans(states: Sequence[RunState], selected: int, view: View) -> list[Span]:
    """Return the first and last visible step of every run, in its own steps."""
    grids = ChartContext.of(states, selected, view, Area.of(3, 9)).grids
    return [(grid.edges[0], grid.edges[-1]) for grid in grids]


def group_name(states: Sequence[RunState]) -> str:
    """Return a short name for runs that differ only in their seed: of their set, else of the first one."""
    sets = {state.given_set or state.run.rpartition("/")[0] for state in states}
    name = sets.pop() if len(sets) == 1 else ""
    return visible(short_run_name(name))[:24] if name else short_name(states[0])


def short_name(state: RunState) -> str:
    """Return the name that a user gave a run, else the last part of its name, which distinguishes the runs of a group.

    A run without a name has that of its title.
    """
    if state.given_name:
        return visible(state.given_name)[:24]
    name = short_run_name(state.run.rsplit("/", 1)[-1]) or (state.started.title if state.started is not None else "")
    return visible(name)[:24]
