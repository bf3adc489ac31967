"""A picture in the making: a chart lays down its curves, the sheet adds what all charts have and fits the axes."""

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
from tui_trainer.ui.charts.ranges import vertical
from tui_trainer.ui.charts.resample import Resampled, gap_note, grain_note, mean, smoothing_note, smoothing_width
from tui_trainer.ui.charts.ticks import clock, horizontal, short

TOLD = '"'
"""Stands on the axis where a remark of a lesson came up."""
CROWD = 3
"""With fewer columns than this for each intervention on the average, the letters stand without their lines."""


@dataclass(slots=True, eq=False)
class ChartBuilder:
    """The parts of a picture, collected from the bottom up."""

    scene: ChartContext
    number: int
    name: str
    curves: list[Curve] = field(default_factory=list[Curve])
    broken: list[Curve] = field(default_factory=list[Curve])
    """Those of runs behind whose loss ended as no number."""
    points: list[Scatter] = field(default_factory=list[Scatter])
    levels: list[Level] = field(default_factory=list[Level])
    remarks: list[Annotation] = field(default_factory=list[Annotation])
    legend: list[LegendEntry] = field(default_factory=list[LegendEntry])
    notes: list[LegendEntry] = field(default_factory=list[LegendEntry])
    firm: list[float] = field(default_factory=list[float])
    """Values that the vertical axis shows in any case."""
    cut: bool = True
    """Whether the vertical axis may leave rare values outside."""
    steep: bool = False
    """Whether the values fall by powers of ten, and a linear axis would show the first of them alone."""
    empty: str = ""
    """What is missing where there is nothing to draw; the name by default."""

    def read(self, role: Role, sign: Sign, name: str, value: float | None, after: str = "") -> None:
        """An entry of the legend."""
        self.legend.append(LegendEntry(role, sign, visible(f"{name} {number(value)}{after}")))

    def name_line(self, curves: Sequence[Curve], text: str) -> None:
        """A name at the end of a line, for where the legend has no room for it."""
        if curves:
            last = curves[-1]
            self.remarks.append(Annotation(last.role, last.x[-1], last.high[-1], f" {visible(text)}"))

    def note(self, text: str, role: Role = "text", sign: Sign = "") -> None:
        """A note in the title; none where there are no words."""
        if text:
            self.notes.append(LegendEntry(role, sign, text))

    def hold(self, values: Sequence[float | None]) -> None:
        """Keep the newest of these in sight, however far it is from the rest."""
        self.firm += [value for value in reversed(values) if value is not None][:1]

    def noisy(self, name: str, label: str, faint: Role, front: Role) -> Resampled:
        """A series that jumps from step to step: its whole range faint, a moving average through it."""
        scene = self.scene
        cut = scene.cut(name)
        width = smoothing_width(scene.view.smoothing, cut)
        role = scene.own(front)
        coarse = grain_note(cut) if scene.view.span is not None else ""
        self.note(coarse or smoothing_note(width, cut))
        if width:
            values = cut.smoothed(width)
            self.curves += cut.band(faint if scene.alone else scene.dim(), faint=True)
            lines = cut.line(role, values)
            self.curves += lines
            self.name_line([] if scene.alone else lines, scene.name(scene.front))
        else:
            values = None
            self.curves += cut.band(role)
        self.lost(cut)
        self.hold(values or [mean(column) if column is not None else None for column in cut.columns])
        if cut:
            self.read(role, "line", label if scene.alone else scene.name(scene.front), scene.value(cut, values))
        return cut

    def exact(self, cut: Resampled, label: str, role: Role, *, signs: bool = False, dotted: bool = False) -> None:
        """A series that is shown as it is, with a sign at each value where there is room."""
        if not cut:
            return
        self.curves += cut.band(role, dotted=dotted)
        self.lost(cut)
        self.hold([mean(cut.last) if cut.last is not None else None])
        held = [k for k, column in enumerate(cut.columns) if column is not None]
        roomy = len(held) < 2 or (held[-1] - held[0]) / (len(held) - 1) >= 2 * CROWD
        if signs and roomy:
            values = [(cut.grid.centre(k), column.low) for k, column in enumerate(cut.columns) if column is not None]
            self.points.append(Scatter(role, tuple(x for x, _ in values), tuple(y for _, y in values), "point"))
        self.read(role, "point" if signs and roomy else "dots" if dotted else "line", label, self.scene.value(cut))

    def behind(self, name: str) -> None:
        """The same series of the other runs, smoothed as in front, each in its quiet colour."""
        scene = self.scene
        if len(scene.thinned) < len(scene.behind):
            self.note(f"{len(scene.thinned) + 1} of {len(scene.states)} runs")
        for run in scene.thinned:
            cut = scene.cut(name, run)
            if not cut:
                continue
            width = smoothing_width(scene.view.smoothing, cut)
            values = cut.smoothed(width) if width else None
            lines = cut.line(scene.dim(run), values, faint=True)
            self.curves += lines
            if scene.states[run].reason == "not-finite":
                self.broken += lines
            self.name_line(lines, scene.name(run))
            self.read(scene.dim(run), "line", scene.name(run), scene.value(cut, values, run))

    def lost(self, cut: Resampled) -> None:
        """Where values were not finite, a sign at the foot of the chart; the title says how many, and since when."""
        note = gap_note(cut)
        if note:
            self.note(note, "gap", "gap")
        if cut.holes:
            places = tuple(cut.grid.centre(hole) for hole in cut.holes)
            self.points.append(Scatter("gap", places, (float("-inf"),) * len(places), "gap"))

    def finish(self) -> ChartData:
        """The picture."""
        scene = self.scene
        drawn = bool(self.curves)
        self.note(self._where())
        spare = [level.y for level in self.levels]
        log, rows = scene.view.log_y or self.steep, scene.area.rows
        # A run behind that left the numbers would press all others onto one line of a linear axis: there it is cut off.
        cut_off = () if log else self.broken
        kept = [curve for curve in self.curves if not any(curve is other for other in cut_off)] or self.curves
        scale = vertical(kept, rows, log=log, firm=self.firm, spare=spare, cut=self.cut)
        if log:
            self.notes.insert(0, LegendEntry("text", "", "log"))
        faint = [curve for curve in self.curves if curve.faint]
        front = [curve for curve in self.curves if not curve.faint]
        layers: list[Layer] = [*faint, *_seen(self.levels, scale), *self._rules(), *front]
        if not drawn:
            layers = []
        layers += [*outside(self.curves, scale), *(_placed(points, scale) for points in self.points), *self.remarks]
        return ChartData(
            number=self.number,
            name=self.name,
            x=self._across(),
            y=scale if drawn else Scale(scale.low, scale.high, log=scale.log),
            unit={"samples": "sample", "evaluations": "evals"}.get(scene.view.axis, scene.view.axis),
            notes=tuple(dict.fromkeys(self.notes)),
            legend=tuple(self.legend),
            layers=tuple(layers),
            steps=scene.grid.edges[::2],
            whole=scene.whole,
            message="" if drawn else self._nothing(),
        )

    def _across(self) -> Scale:
        grid, axis = self.scene.grid, self.scene.view.axis
        ticks = horizontal(
            grid.low,
            grid.high,
            self.scene.area.columns,
            seconds=axis == "time",
            whole=axis in ("step", "samples", "evaluations"),
        )
        return Scale(grid.low, grid.high, tuple(ticks))

    def _rules(self) -> list[MarkerLine]:
        """The interventions, one letter for each column of cells, the remarks of a lesson, and the cursor."""
        grid = self.scene.grid
        cells: dict[int, list[str]] = {}
        for mark in self.scene.state.marks:
            column = grid.column(mark.step)
            if column is not None:
                cells.setdefault(column // 2, []).append(mark.letter)
        tall = len(cells) * CROWD <= self.scene.area.columns
        rules = [
            MarkerLine("mark-line", "mark", grid.centre(2 * cell), letters[0] if len(set(letters)) == 1 else "*", tall)
            for cell, letters in sorted(cells.items())
        ]
        told = {column // 2 for step in self.scene.view.told if (column := grid.column(step)) is not None}
        rules += [
            MarkerLine("mark-line", "title", grid.centre(2 * cell), TOLD, False) for cell in sorted(told - cells.keys())
        ]
        cursor = None if self.scene.view.cursor is None else grid.spot(self.scene.view.cursor)
        return rules if cursor is None else [*rules, MarkerLine("cursor", "cursor", cursor, "")]

    def _where(self) -> str:
        """Where the values in the title were read."""
        scene = self.scene
        if scene.view.cursor is None:
            return ""
        place = scene.grid.ruler.place(scene.view.cursor)
        match scene.view.axis:
            case "time":
                return f"at {clock(place)}"
            case "epoch":
                return f"at {short(round(place, 2))}"
            case _:
                return f"at {round(place)}"

    def _nothing(self) -> str:
        scene = self.scene
        if scene.state.step == 0 and not scene.state.over:
            return "waiting for the first step"
        if any(points.sign == "gap" for points in self.points):
            return "no finite value"
        if scene.view.span is not None:
            return "nothing here"
        return f"no {self.empty or self.name} measured" + ("" if scene.state.over else " yet")


def outside(curves: Sequence[Curve], scale: Scale) -> list[Layer]:
    """An arrow at the edge of the chart for what lies beyond it, and the value that lies farthest out."""
    found: list[Layer] = []
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
    for beyond, edge, sign in sides:
        if not beyond:
            continue
        places = tuple(sorted({x for x, _ in beyond}))
        found.append(Scatter("title", places, (edge,) * len(places), sign))
        value, x = (max if sign == "above" else min)((value, x) for x, value in beyond)
        found.append(Annotation("title", x, edge, number(value, 3), needed=True))
    return found


def _seen(levels: Sequence[Level], scale: Scale) -> list[Level]:
    return [level for level in levels if scale.low <= level.y <= scale.high]


def _placed(points: Scatter, scale: Scale) -> Scatter:
    """Signs within the chart: one that lies beyond an end stands at that end."""
    return Scatter(points.role, points.x, tuple(min(max(y, scale.low), scale.high) for y in points.y), points.sign)
