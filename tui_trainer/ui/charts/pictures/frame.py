"""What all drawings of runs have in common: the room, the axes, the names, the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tui_trainer.protocol.describe import number
from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import AnyDrawing, Axis
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.context import short_name
from tui_trainer.ui.charts.model import Area, LegendEntry, Scale, Tick
from tui_trainer.ui.charts.palette import RUNS, Role
from tui_trainer.ui.charts.ticks import horizontal, linear, logarithmic, nice
from tui_trainer.ui.charts.view import View

COUNTS = ("step", "epoch", "batch")
"""Axes that have no fractions."""
ROOMY = 56
"""Cells of a plot from which on its title has room for more than names."""
READ_OUTS = 4
"""Numbers in a title, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of the run in front, with the same picture of the other runs behind it.

    Attributes:
        key: the number that opens it, 0 where none does.
        event: the picture of the run in front.
        behind: the drawings of the same kind of the other runs, by their place among all runs.
        front: the place of the run in front.
        states: all runs.
        view: how they are looked at.
        area: the room.
    """

    key: int
    event: PictureTaken
    behind: Mapping[int, AnyDrawing]
    front: int
    states: Sequence[RunState]
    view: View
    area: Area

    def name(self, run: int) -> str:
        """A short name of a run."""
        return short_name(self.states[run]) or f"run {run + 1}"

    @property
    def own(self) -> Role:
        """The colour of the run in front."""
        return RUNS[self.front % len(RUNS)]

    def title(self, text: str) -> str:
        """What it is called: what the engine says, or its plain name."""
        return visible(text or self.event.name)

    def notes(self, *, log: bool = False) -> tuple[LegendEntry, ...]:
        """When it was taken, where the run has gone on since, and how it is drawn; a narrow room is for names."""
        state, found = self.states[self.front], list[LegendEntry]()
        if self.area.columns < ROOMY:
            return ()
        if self.event.step != state.step and not state.over:
            found.append(LegendEntry("text", "", f"epoch {self.event.epoch}"))
        return (*found, LegendEntry("text", "", "log")) if log else tuple(found)

    def read_outs(self) -> list[LegendEntry]:
        """The numbers of the picture as a whole, or of the only thing in it; those of many layers are for checks."""
        numbers = self.event.numbers
        only = {name.partition("/")[2] for name in numbers}
        found = [
            (name.partition("/")[0], value)
            for name, value in numbers.items()
            if value is not None and ("/" not in name or len(only) == 1)
        ]
        return [
            LegendEntry("text", "", visible(f"{_plain(name)} {number(value)}")) for name, value in found[:READ_OUTS]
        ]

    def plane(self, axis: Axis, *, upward: bool) -> Scale:
        """A side of a plane, its ends where the engine put them."""
        low, high = axis.low or 0.0, axis.high if axis.high is not None else 1.0
        if upward:
            step = nice((high - low) / min(max(self.area.rows // 2, 1), 8))
            return Scale(low, high, tuple(linear(low, high, step)))
        return Scale(low, high, tuple(horizontal(low, high, self.area.columns)))

    def across(self, places: Sequence[float], axis: Axis) -> tuple[Scale, bool]:
        """The horizontal axis of curves, and whether they are laid along its logarithms."""
        ends = [place for place in (axis.low, axis.high) if place is not None]
        if axis.log:
            positive = [math.log10(place) for place in (*places, *ends) if place > 0] or [0.0]
            low, high = _apart(min(positive), max(positive))
            ticks = logarithmic(10**low, 10**high, max(self.area.columns // 9, 1))
            return Scale(low, high, tuple(Tick(math.log10(tick.at), tick.text) for tick in ticks)), True
        low, high = _apart(min((*places, *ends), default=0.0), max((*places, *ends), default=1.0))
        whole = axis.label in COUNTS
        return Scale(low, high, tuple(horizontal(low, high, self.area.columns, whole=whole))), False


def _apart(low: float, high: float) -> tuple[float, float]:
    if high > low:
        return low, high
    margin = max(abs(low) * 0.05, 0.5)
    return low - margin, high + margin


SHORT = {
    "max_derivative": "max slope",
    "zero_share": "zero",
    "mean_square_derivative": "mean square",
    "nanoseconds": "ns",
    "optimizer_floats_per_parameter": "state per weight",
}
"""Names of numbers that would leave no room for the others in a title of 80 cells."""


def _plain(name: str) -> str:
    words = SHORT.get(name, name).replace("_", " ")
    return f"{words} =" if words[-1:].isdigit() else words


def footed(place: int, name: str, room: float, count: int) -> float:
    """Where the name of one of `count` slots of `room` cells stands under it: in its middle, or from its left edge on
    where it is wider and has the room of slots without a name at its right; the last one up to its right edge."""
    half, room = (len(name) + 1) / 2, max(room, 1e-9)
    return max(min(place + max(0.5, half / room), count - (half + 1) / room), half / room)


def labels(names: Sequence[str], cells: int) -> list[str]:
    """Names in so many cells each: their beginnings, or both ends where only these tell them apart."""
    shown = [visible(name) for name in names]
    cells = max(cells, 1)
    starts = [name if len(name) <= cells else f"{name[: cells - 1]}…"[:cells] for name in shown]
    tail = min(cells - 1, max(cells // 2, 3))
    return [
        start if len(name) <= cells or starts.count(start) == 1
        else f"{name[: cells - 1 - tail]}…{name[len(name) - tail :]}"[:cells]
        for name, start in zip(shown, starts, strict=True)
    ]  # fmt: skip
