"""The builder of charts: a chart module adds its curves, the builder adds the axes, marks and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tui_trainer.protocol.describe import number
from tui_trainer.text import visible
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.model import (
    Annotation,
    ChartData,
    Curve,
    Layer,
    LegendEntry,
    Level,
    MarkerLine,
    Scale,
    Scatter,
    Sign,
)
from tui_trainer.ui.charts.palette import Role
from tui_trainer.ui.charts.ranges import vertical_scale
from tui_trainer.ui.charts.resample import Resampled, downsampling_note, gap_note, mean, smoothing_note, smoothing_width
from tui_trainer.ui.charts.ticks import clock, horizontal_ticks, short

REMARK_SIGN = '"'
"""Marks a remark of a lesson on the horizontal axis."""
MIN_SPACING = 3
"""Average columns between interventions below which only their letters are drawn, without vertical lines."""


@dataclass(slots=True, eq=False)
class ChartBuilder:
    """The parts of a chart, collected from the bottom layer up.

    Attributes:
        context: the runs, the view and the area.
        number: the number key that opens the chart.
        name: the title.
        curves: the curves, faint ones behind the others.
        diverged: those curves of background runs whose loss ended as NaN or inf.
        points: single signs.
        levels: horizontal reference lines.
        annotations: texts next to points.
        legend: entries with values, most important first.
        notes: entries about smoothing, scale and gaps.
        required: values that the vertical axis always includes.
        trim: whether the vertical axis may leave out rare outliers.
        force_log: draw a logarithmic axis, because the values fall by powers of ten.
        empty: the noun for "no ... measured yet"; by default the name.
    """

    context: ChartContext
    number: int
    name: str
    curves: list[Curve] = field(default_factory=list[Curve])
    diverged: list[Curve] = field(default_factory=list[Curve])
    points: list[Scatter] = field(default_factory=list[Scatter])
    levels: list[Level] = field(default_factory=list[Level])
    annotations: list[Annotation] = field(default_factory=list[Annotation])
    legend: list[LegendEntry] = field(default_factory=list[LegendEntry])
    notes: list[LegendEntry] = field(default_factory=list[LegendEntry])
    required: list[float] = field(default_factory=list[float])
    trim: bool = True
    force_log: bool = False
    empty: str = ""

    def add_legend(self, role: Role, sign: Sign, name: str, value: float | None) -> None:
        """Add a legend entry with a value."""
        self.legend.append(LegendEntry(role, sign, visible(f"{name} {number(value)}")))

    def label_line(self, curves: Sequence[Curve], text: str) -> None:
        """Write a name at the end of the last curve, for charts whose legend has no room for it."""
        if curves:
            last = curves[-1]
            self.annotations.append(Annotation(last.role, last.x[-1], last.high[-1], f" {visible(text)}"))

    def add_note(self, text: str, role: Role = "text", sign: Sign = "") -> None:
        """Add a note to the title; an empty text adds none."""
        if text:
            self.notes.append(LegendEntry(role, sign, text))

    def keep_visible(self, values: Sequence[float | None]) -> None:
        """Require the newest of `values` on the vertical axis, even if it is an outlier."""
        self.required += [value for value in reversed(values) if value is not None][:1]

    def add_noisy(self, name: str, label: str, faint: Role, front: Role) -> Resampled:
        """Add a noisy series of the run in front: its range as a faint band, a moving average through it."""
        context = self.context
        resampled = context.resample(name)
        width = smoothing_width(context.view.smoothing, resampled)
        role = context.front_role(front)
        coarse = downsampling_note(resampled) if context.view.span is not None else ""
        self.add_note(coarse or smoothing_note(width, resampled))
        if width:
            values = resampled.smoothed(width)
            self.curves += resampled.band(faint if context.single_run else context.dim_role(), faint=True)
            lines = resampled.line(role, values)
            self.curves += lines
            self.label_line([] if context.single_run else lines, context.name(context.front))
        else:
            values = None
            self.curves += resampled.band(role)
        self.add_gaps(resampled)
        self.keep_visible(values or [mean(column) if column is not None else None for column in resampled.columns])
        if resampled:
            self.add_legend(role, "line", context.front_label(label), context.value(resampled, values))
        return resampled

    def add_exact(
        self, resampled: Resampled, label: str, role: Role, *, signs: bool = False, dotted: bool = False
    ) -> None:
        """Add a series without smoothing; with `signs`, a sign at each value if they are far enough apart."""
        if not resampled:
            return
        self.curves += resampled.band(role, dotted=dotted)
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
        """Add the same series of the other runs, smoothed as in front, each in its dimmed colour."""
        context = self.context
        if len(context.background_sample) < len(context.other_runs):
            self.add_note(f"{len(context.background_sample) + 1} of {len(context.states)} runs")
        for run in context.background_sample:
            resampled = context.resample(name, run)
            if not resampled:
                continue
            width = smoothing_width(context.view.smoothing, resampled)
            values = resampled.smoothed(width) if width else None
            lines = resampled.line(context.dim_role(run), values, faint=True)
            self.curves += lines
            if context.states[run].reason == "not-finite":
                self.diverged += lines
            self.label_line(lines, context.name(run))
            self.add_legend(context.dim_role(run), "line", context.name(run), context.value(resampled, values, run))

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
        log, rows = context.view.log_y or self.force_log, context.area.rows
        # On a linear axis the curve of a diverged background run would press all others onto one line.
        ignored = () if log else self.diverged
        curves = [curve for curve in self.curves if not any(curve is other for other in ignored)] or self.curves
        levels = [level.y for level in self.levels]
        scale = vertical_scale(curves, rows, log=log, required=self.required, optional=levels, trim=self.trim)
        if log:
            self.notes.insert(0, LegendEntry("text", "", "log"))
        faint = [curve for curve in self.curves if curve.faint]
        front = [curve for curve in self.curves if not curve.faint]
        layers: list[Layer] = []
        if drawn:
            layers += [*faint, *_visible_levels(self.levels, scale), *self._marker_lines(), *front]
        layers += out_of_range_layers(self.curves, scale)
        layers += [*(_clamped(points, scale) for points in self.points), *self.annotations]
        return ChartData(
            number=self.number,
            name=self.name,
            x=self._x_scale(),
            y=scale if drawn else Scale(scale.low, scale.high, log=scale.log),
            unit={"samples": "sample", "evaluations": "evals"}.get(context.view.axis, context.view.axis),
            notes=tuple(dict.fromkeys(self.notes)),
            legend=tuple(self.legend),
            layers=tuple(layers),
            steps=context.grid.edges[::2],
            full_span=context.full_span,
            message="" if drawn else self._empty_message(),
        )

    def _x_scale(self) -> Scale:
        grid, axis = self.context.grid, self.context.view.axis
        ticks = horizontal_ticks(
            grid.low,
            grid.high,
            self.context.area.columns,
            seconds=axis == "time",
            integers=axis in ("step", "samples", "evaluations"),
        )
        return Scale(grid.low, grid.high, tuple(ticks))

    def _marker_lines(self) -> list[MarkerLine]:
        """Return the interventions (one letter per column of cells), the remarks of a lesson and the cursor."""
        grid, view = self.context.grid, self.context.view
        cells: dict[int, list[str]] = {}
        for mark in self.context.state.marks:
            column = grid.column(mark.step)
            if column is not None:
                cells.setdefault(column // 2, []).append(mark.letter)
        tall = len(cells) * MIN_SPACING <= self.context.area.columns
        lines = [
            MarkerLine("mark-line", "mark", grid.centre(2 * cell), letters[0] if len(set(letters)) == 1 else "*", tall)
            for cell, letters in sorted(cells.items())
        ]
        remarks = {column // 2 for step in view.told if (column := grid.column(step)) is not None}
        lines += [
            MarkerLine("mark-line", "title", grid.centre(2 * cell), REMARK_SIGN, False)
            for cell in sorted(remarks - cells.keys())
        ]
        cursor = None if view.cursor is None else grid.snap(view.cursor)
        return lines if cursor is None else [*lines, MarkerLine("cursor", "cursor", cursor, "")]

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
        return f"no {self.empty or self.name} measured" + ("" if state.over else " yet")


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


def _visible_levels(levels: Sequence[Level], scale: Scale) -> list[Level]:
    return [level for level in levels if scale.low <= level.y <= scale.high]


def _clamped(points: Scatter, scale: Scale) -> Scatter:
    """Move signs beyond an end of the vertical axis to that end."""
    return Scatter(points.role, points.x, tuple(min(max(y, scale.low), scale.high) for y in points.y), points.sign)
