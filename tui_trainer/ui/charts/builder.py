"""The builder of charts: a chart module adds its curves, the builder adds the axes, marks and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import log10

from tui_trainer.protocol.describe import number
from tui_trainer.state.series_names import AXIS, group_of, title_of
from tui_trainer.text import visible
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.history.branches import branch_curves, branch_labels, legend_of
from tui_trainer.ui.charts.history.log_axis import chosen_log, decide_log
from tui_trainer.ui.charts.history.waiting import next_validation
from tui_trainer.ui.charts.labels.mark_words import mark_words
from tui_trainer.ui.charts.labels.marker_lines import MIN_SPACING, marker_lines
from tui_trainer.ui.charts.model import (
    LOG_NOTE,
    Annotation,
    ChartData,
    Curve,
    Layer,
    LegendEntry,
    Level,
    Scale,
    Scatter,
    Sign,
    Tick,
)
from tui_trainer.ui.charts.outliers import clamped, out_of_range_layers, visible_levels
from tui_trainer.ui.charts.palette import BANDS, Role
from tui_trainer.ui.charts.ranges import capped, near_curves, vertical_scale, with_ends
from tui_trainer.ui.charts.resample import Resampled, downsampling_note, gap_note, mean, smoothing_note, smoothing_width
from tui_trainer.ui.charts.seeds.mean import SeedMean, spread_text, spreads
from tui_trainer.ui.charts.ticks import clock, horizontal_ticks, log_ticks, short

MAX_LEGEND_WITH_BRANCHES = 4
"""Legend entries from which abandoned branches are not named among them."""
MIN_WORD_COLUMNS = 40
"""Least columns of a plot in which the newest intervention is written in words."""
HALF_EPOCH = " (-1/2 epoch)"
"""After the name of a curve of means over an epoch, which is drawn half an epoch before its end."""


@dataclass(slots=True, eq=False)
class ChartBuilder:
    """The parts of a chart, collected from the bottom layer up.

    Attributes:
        context: the runs, the view and the area.
        number: the number key that opens the chart.
        name: the title.
        chart: the id of the chart, for the user's choices.
        curves: the curves, faint ones behind the others.
        diverged: those curves of background runs whose loss ended as NaN or inf.
        branches: the curves of abandoned branches, behind those of the present one.
        points: single signs.
        levels: horizontal reference lines.
        annotations: texts next to points.
        legend: entries with values, most important first.
        notes: entries about smoothing, scale and gaps.
        required: values that the vertical axis always includes.
        trim: whether the vertical axis may leave out rare outliers.
        force_log: draw a logarithmic axis unless the user chose otherwise, because the values fall by powers of ten.
        log_series: the series whose histories decide whether the axis is logarithmic.
        log_floor: values below it do not stretch a logarithmic axis.
        share: whether the values are shares between 0 and 1, whose axis is always linear.
        by_epoch: whether the values arrive with the end of an epoch.
        empty: the noun for "no ... measured yet"; by default the name.
    """

    context: ChartContext
    number: int
    name: str
    chart: str = ""
    curves: list[Curve] = field(default_factory=list[Curve])
    diverged: list[Curve] = field(default_factory=list[Curve])
    branches: list[Curve] = field(default_factory=list[Curve])
    points: list[Scatter] = field(default_factory=list[Scatter])
    levels: list[Level] = field(default_factory=list[Level])
    annotations: list[Annotation] = field(default_factory=list[Annotation])
    legend: list[LegendEntry] = field(default_factory=list[LegendEntry])
    notes: list[LegendEntry] = field(default_factory=list[LegendEntry])
    required: list[float] = field(default_factory=list[float])
    trim: bool = True
    force_log: bool = False
    log_series: Sequence[str] = ()
    log_floor: float = 0.0
    share: bool = False
    by_epoch: bool = False
    empty: str = ""

    def add_legend(self, role: Role, sign: Sign, name: str, value: float | None) -> None:
        """Add a legend entry with a value."""
        digits = 4 if self.context.area.columns >= MIN_WORD_COLUMNS else 3
        self.legend.append(LegendEntry(role, sign, visible(f"{name} {number(value, digits)}").strip()))

    def label_line(self, curves: Sequence[Curve], text: str) -> None:
        """Write a name at the end of the last curve, for charts whose legend has no room for it."""
        if curves:
            last, named = curves[-1], self.context.view.named
            label = Annotation(last.role, last.x[-1], last.high[-1], f" {visible(text)}", named, 8 if named else 2)
            self.annotations.append(label)

    def add_note(self, text: str, role: Role = "text", sign: Sign = "") -> None:
        """Add a note to the title; an empty text adds none."""
        if text:
            self.notes.append(LegendEntry(role, sign, text))

    def keep_visible(self, values: Sequence[float | None]) -> None:
        """Require the newest of `values` on the vertical axis, even if it is an outlier."""
        self.required += [value for value in reversed(values) if value is not None][:1]

    def add_noisy(self, name: str, label: str) -> Resampled:
        """Add a noisy series of the run in front: its range as a faint band, a moving average through it."""
        context = self.context
        resampled = context.resample(name)
        role = context.front_role("train")
        if isinstance(resampled, SeedMean):
            self.add_seeds(resampled, context.front_label(label), role)
            return resampled
        width = smoothing_width(context.view.smoothing, resampled)
        by_median = context.view.median
        coarse = downsampling_note(resampled) if context.view.span is not None else ""
        self.add_note(coarse or smoothing_note(width, resampled, by_median=by_median))
        self.add_branches(name)
        if width:
            values = resampled.smoothed(width, by_median=by_median)
            self.curves += resampled.band(context.band_role(), faint=True)
            lines = resampled.line(role, values)
            self.curves += lines
        else:
            values, lines = None, resampled.band(role)
            self.curves += lines
        if context.view.named or (width and not context.single_run):
            self.label_line(lines, context.front_label(label))
        self.add_gaps(resampled)
        self.keep_visible(values or [mean(column) if column is not None else None for column in resampled.columns])
        if resampled:
            self.add_legend(role, "line", context.front_label(label), context.value(resampled, values))
        return resampled

    def add_exact(
        self,
        resampled: Resampled,
        label: str,
        role: Role,
        *,
        signs: bool = False,
        dotted: bool = False,
        epoch_means: bool = False,
    ) -> None:
        """Add a series without smoothing.

        Args:
            resampled: the series.
            label: its name in the legend.
            role: its colour.
            signs: draw a sign at each value if they are far enough apart.
            dotted: draw dashes.
            epoch_means: the values are means over an epoch, which belong half an epoch before its end. Over epochs
                they are drawn there, and the legend says so.
        """
        if isinstance(resampled, SeedMean):
            self.add_seeds(resampled, label, role, exact=True)
        if isinstance(resampled, SeedMean) or not resampled:
            return
        curves = resampled.band(role, dotted=dotted)
        self.label_line(curves if self.context.view.named else [], label)
        if epoch_means and self.context.view.axis == "epoch" and not self.context.view.log_x:
            curves = [replace(curve, x=tuple(x - 0.5 for x in curve.x)) for curve in curves]
            label += HALF_EPOCH
        self.curves += curves
        self.add_gaps(resampled)
        self.keep_visible([mean(resampled.last) if resampled.last is not None else None])
        held = [(k, column) for k, column in enumerate(resampled.columns) if column is not None]
        sparse = len(held) < 2 or (held[-1][0] - held[0][0]) / (len(held) - 1) >= 2 * MIN_SPACING
        if signs and sparse:
            x = tuple(resampled.grid.centre(k) for k, _ in held)
            self.points.append(Scatter(role, x, tuple(column.low for _, column in held), "point"))
        sign: Sign = "point" if signs and sparse else "dots" if dotted else "line"
        self.add_legend(role, sign, label, self.context.value(resampled))

    def add_background(self, name: str) -> None:
        """Add the same series of the other runs, smoothed as in front, each in its colour."""
        context = self.context
        if len(context.background_sample) < len(context.other_runs):
            self.add_note(f"{len(context.background_sample) + 1} of {len(context.states)} runs")
        for run in context.background_sample:
            resampled = context.resample(name, run)
            if isinstance(resampled, SeedMean):
                self.add_seeds(resampled, context.name(run), context.run_role(run), run)
            if isinstance(resampled, SeedMean) or not resampled:
                continue
            width = smoothing_width(context.view.smoothing, resampled)
            values = resampled.smoothed(width, by_median=context.view.median) if width else None
            lines = resampled.line(context.run_role(run), values, faint=True)
            self.curves += lines
            if context.states[run].reason == "not-finite":
                self.diverged += lines
            self.label_line(lines, context.name(run))
            self.add_legend(context.run_role(run), "line", context.name(run), context.value(resampled, values, run))

    def add_seeds(
        self, resampled: SeedMean, label: str, role: Role, run: int | None = None, *, exact: bool = False
    ) -> None:
        """Add a series over runs that differ only in their seed: a line through the mean, a band of one deviation.

        Args:
            resampled: the series.
            label: its name in the legend.
            role: the colour of the line.
            run: a run of the band, where that is not the one in front.
            exact: draw the mean of the values as they are, in dashes, instead of smoothing the curve of each run.
        """
        context, view = self.context, self.context.view
        width = smoothing_width(view.smoothing, resampled.members[0]) if not exact else 0
        curves = resampled.curves_of_members(width, by_median=view.median)
        ranges = spreads(curves)
        means = [at and at[0] for at in ranges]
        self.curves += resampled.between(context.seeds_role(role, run), ranges)
        lines = [replace(line, dotted=exact) for line in resampled.line(role, means, faint=run is not None)]
        self.curves += lines
        self.label_line([] if context.single_run else lines, label)
        if run is None:
            self.add_note(f"mean of {len(resampled.members)} seeds ± deviation")
            self.add_note(smoothing_note(width, resampled.members[0], by_median=view.median))
            self.keep_visible(means)
        self.add_gaps(resampled)
        position = None if view.cursor is None else context.grid.ruler.position(view.cursor)
        digits = 4 if context.area.columns >= MIN_WORD_COLUMNS else 3
        text = spread_text(resampled.reading(curves if width else None, position), digits)
        self.legend.append(LegendEntry(role, "dots" if exact else "line", visible(f"{label} {text}").strip()))

    def add_branches(self, name: str) -> None:
        """Add the curves of a series along the abandoned branches of the run in front."""
        self.branches += branch_curves(self.context.state, name, self.context.grid)
        self.annotations += branch_labels(self.context.state, name, self.context.grid)

    def add_gaps(self, resampled: Resampled) -> None:
        """Mark values that were NaN or inf: a sign at the foot, their count and first step in the title."""
        note = gap_note(resampled)
        if note:
            self.add_note(note, "gap", "gap")
        if resampled.gap_columns:
            x = tuple(resampled.grid.centre(column) for column in resampled.gap_columns)
            self.points.append(Scatter("gap", x, (float("-inf"),) * len(x), "gap"))

    def build(self) -> ChartData:
        """Fit the axes and return the chart."""
        context = self.context
        drawn = bool(self.curves)
        self.add_note(self._cursor_note())
        log, rows = self.log, context.area.rows
        # On a linear axis the curve of a diverged background run would press all others onto one line.
        ignored = () if log else self.diverged
        curves = [curve for curve in self.curves if not any(curve is other for other in ignored)] or self.curves
        levels = [level.y for level in self.levels]
        if log and self.log_floor:
            curves = [replace(c, low=tuple(max(value, self.log_floor) for value in c.low)) for c in curves]
            curves = [replace(c, high=tuple(max(value, self.log_floor) for value in c.high)) for c in curves]
        trim = self.trim and context.view.clip
        marked = self.curves
        if log and trim:
            # Single batches reach far down on a logarithmic axis: the curves through them decide.
            marked = [curve for curve in self.curves if curve.role not in BANDS] or self.curves
            curves = capped(near_curves(curves, marked), levels)
        scale = vertical_scale(
            curves, rows, log=log, required=self.required, optional=levels, trim=trim, share=self.share
        )
        limits = context.view.limits.get(self.chart)
        if limits is not None:
            scale = with_ends(scale, *limits.y, rows)
        if self.branches and len(self.legend) < MAX_LEGEND_WITH_BRANCHES:
            self.legend.append(LegendEntry("branch", "dots", legend_of(self.context.state)))
        if log:
            self.notes.insert(0, LOG_NOTE)
        faint = [curve for curve in self.curves if curve.faint]
        front = [curve for curve in self.curves if not curve.faint]
        layers: list[Layer] = []
        if drawn:
            layers += [*faint, *self.branches, *visible_levels(self.levels, scale), *marker_lines(context), *front]
        layers += out_of_range_layers(marked, scale)
        layers += [*(clamped(points, scale) for points in self.points), *self.annotations]
        layers += self._newest_words(scale) if drawn else []
        return ChartData(
            number=self.number,
            name=self.name,
            x=self._x_scale(),
            y=scale if drawn else Scale(scale.low, scale.high, log=scale.log),
            unit={"samples": "sample", "evaluations": "evals"}.get(context.view.axis, title_of(context.view.axis)),
            notes=tuple(dict.fromkeys(self.notes)),
            legend=tuple(self.legend),
            layers=tuple(layers),
            shaded=self._shaded(),
            steps=context.grid.edges[::2],
            full_span=context.full_span,
            message="" if drawn else self._empty_message(),
        )

    @property
    def log(self) -> bool:
        """Whether the vertical axis is logarithmic."""
        if self.share:
            return False
        chosen = chosen_log(self.context.view, self.chart)
        if chosen is not None:
            return chosen
        context = self.context
        states = [context.states[run] for run in context.background_sample]
        states = [context.state, *(state for state in states if state.reason != "not-finite")]
        return self.force_log or (bool(self.log_series) and decide_log(states, self.log_series))

    def _shaded(self) -> tuple[tuple[float, float], ...]:
        """Return the visible parts of the shaded stretches."""
        grid = self.context.grid
        stretches = (tuple(map(grid.position, stretch)) for stretch in self.context.view.shaded)
        clipped = ((max(low, grid.low), min(high, grid.high)) for low, high in stretches)
        return tuple((low, high) for low, high in clipped if low <= high)

    def _newest_words(self, scale: Scale) -> list[Layer]:
        """Return the newest intervention in words, at the top of its line."""
        context, marks = self.context, self.context.state.marks
        if not marks or context.area.columns < MIN_WORD_COLUMNS:
            return []
        newest = max(marks, key=lambda mark: mark.step)
        column = context.grid.column(newest.step)
        if column is None:
            return []
        return [Annotation("mark", context.grid.centre(column // 2 * 2), scale.high, mark_words(newest))]

    def _x_scale(self) -> Scale:
        grid, axis = self.context.grid, self.context.view.axis
        if grid.log:
            count = max(self.context.area.columns // 9, 1)
            decades = log_ticks(10**grid.low, 10**grid.high, count)
            return Scale(grid.low, grid.high, tuple(Tick(log10(tick.at), tick.text) for tick in decades))
        ticks = horizontal_ticks(
            grid.low,
            grid.high,
            self.context.area.columns,
            seconds=axis == "time",
            integers=axis in ("step", "samples", "evaluations") or group_of(axis) == AXIS,
        )
        return Scale(grid.low, grid.high, tuple(ticks))

    def _cursor_note(self) -> str:
        """Return the position of the cursor for the title, empty without a cursor."""
        view = self.context.view
        if view.cursor is None:
            return ""
        position = self.context.grid.ruler.position(view.cursor)
        match view.axis:
            case "time":
                return f"at {clock(position)}"
            case "epoch":
                return f"at {short(round(position, 2))}"
            case _:
                return f"at {round(position)}"

    def _empty_message(self) -> str:
        state = self.context.state
        if state.step == 0 and not state.over:
            return "waiting for the first step"
        if any(points.sign == "gap" for points in self.points):
            return "no finite value"
        if self.context.view.span is not None:
            return "no data in this range"
        if not state.over and self.by_epoch:
            return next_validation(state)
        return f"no {self.empty or self.name} measured" + ("" if state.over else " yet")
