"""Shared parts of all drawings: area, axes, names and numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tui_trainer.protocol.describe import number
from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import AnyDrawing, Axis
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cell_width, cut, ending, visible
from tui_trainer.ui.charts.context import run_colors, short_name
from tui_trainer.ui.charts.model import LOG_NOTE, Area, LegendEntry, Scale, Tick
from tui_trainer.ui.charts.palette import DIM_RUNS, FRONT_RUNS, RUNS, Role
from tui_trainer.ui.charts.ticks import horizontal_ticks, log_ticks
from tui_trainer.ui.charts.view import View

COUNTS = ("step", "epoch", "batch")
"""Labels of axes that have integer ticks."""
MIN_NOTE_COLUMNS = 56
"""Least width of a plot, in cells, whose title shows notes as well as names."""
MAX_READOUTS = 4
"""Most numbers in a title."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of the run in front, with the same picture of the other runs behind it.

    Attributes:
        key: the number key that opens it, 0 without one.
        event: the picture of the run in front.
        background: the same picture of the other runs, by run index.
        front: index of the run in front.
        states: all runs.
        view: axis scale and the group of bars to show.
        area: the cells of the chart.
    """

    key: int
    event: PictureTaken
    background: Mapping[int, AnyDrawing]
    front: int
    states: Sequence[RunState]
    view: View
    area: Area

    def name(self, run: int) -> str:
        """Return a short name of a run."""
        return short_name(self.states[run]) or f"run {run + 1}"

    @property
    def front_role(self) -> Role:
        """The colour of the run in front."""
        return "train" if len(self.states) == 1 else FRONT_RUNS[self.colors[self.front]]

    def run_role(self, run: int) -> Role:
        """Return the colour of a run behind the one in front."""
        return RUNS[self.colors[run]]

    def dim_role(self, run: int) -> Role:
        """Return the dimmed colour of a run."""
        return "train-band" if len(self.states) == 1 else DIM_RUNS[self.colors[run]]

    @property
    def colors(self) -> list[int]:
        """The colour numbers of the runs."""
        return run_colors(self.states)

    def log(self, axis: Axis) -> bool:
        """Return whether the vertical axis of a picture is logarithmic: as the user chose, else as recorded."""
        return self.view.log.get(self.event.name, axis.log or bool(self.view.log_y))

    def title(self, text: str) -> str:
        """Return the title from the engine, or the name of the picture."""
        return visible(text or self.event.name)

    def notes(self, *, log: bool = False) -> tuple[LegendEntry, ...]:
        """Return the epoch of the picture if the run has continued since, and the scale; nothing in a narrow chart."""
        state, entries = self.states[self.front], list[LegendEntry]()
        if self.area.columns < MIN_NOTE_COLUMNS:
            return ()
        newest = self.event.step > 0 and self.event.epoch == 0  # a table of the runs as they are, of no single epoch
        if self.event.step != state.step and not state.over and not newest:
            entries.append(LegendEntry("text", "", f"epoch {self.event.epoch}"))
        return (*entries, LOG_NOTE) if log else tuple(entries)

    def readouts(self) -> list[LegendEntry]:
        """Return the numbers of the full picture, or of its only item; per-layer numbers are left out."""
        numbers = self.event.numbers
        items = {name.partition("/")[2] for name in numbers}
        entries = [
            (name.partition("/")[0], value)
            for name, value in numbers.items()
            if value is not None and ("/" not in name or len(items) == 1)
        ]
        texts = [visible(f"{_readable(name)} {number(value)}") for name, value in entries[:MAX_READOUTS]]
        return [LegendEntry("text", "", text) for text in texts]

    def x_scale(self, positions: Sequence[float], axis: Axis) -> tuple[Scale, bool]:
        """Return the horizontal axis of curves, and whether positions on it are log10 of the values."""
        ends = [end for end in (axis.low, axis.high) if end is not None]
        if axis.log:
            positive = [math.log10(position) for position in (*positions, *ends) if position > 0] or [0.0]
            low, high = _widened(min(positive), max(positive))
            ticks = log_ticks(10**low, 10**high, max(self.area.columns // 9, 1))
            return Scale(low, high, tuple(Tick(math.log10(tick.at), tick.text) for tick in ticks)), True
        low, high = _widened(min((*positions, *ends), default=0.0), max((*positions, *ends), default=1.0))
        integers = axis.label in COUNTS
        return Scale(low, high, tuple(horizontal_ticks(low, high, self.area.columns, integers=integers))), False


def _widened(low: float, high: float) -> tuple[float, float]:
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
"""Short names of numbers, so that several fit into a title of 80 cells."""


def _readable(name: str) -> str:
    text = SHORT.get(name, name).replace("_", " ")
    return f"{text} =" if text[-1:].isdigit() else text


def label_position(index: int, name: str, room: float, count: int) -> float:
    """Return the position, in slots, of the name of one of `count` slots of `room` cells.

    A name stands in the middle of its slot. A wider name starts at the left edge of its slot and uses the nameless
    slots at its right; the last name ends at the right edge of its slot.
    """
    half, room = (cell_width(name) + 1) / 2, max(room, 1e-9)
    return max(min(index + max(0.5, half / room), count - (half + 1) / room), half / room)


def labels(names: Sequence[str], cells: int) -> list[str]:
    """Fit names into `cells` cells each: their beginnings, or both ends if several names begin alike.

    The end is the last word where that fits: "norm…1" and "…root2" rather than "nor…l-1" and "or…ot2".
    """
    shown = [visible(name) for name in names]
    cells = max(cells, 1)
    starts = [cut(name, cells, "…") for name in shown]
    return [
        start if cell_width(name) <= cells or starts.count(start) == 1 else _both_ends(name, cells)
        for name, start in zip(shown, starts, strict=True)
    ]


def _both_ends(name: str, cells: int) -> str:
    """Return the beginning and the last word of a name; the word alone where it fills the cells, else half of it."""
    last = re.split(r"[-_./ ]", name)[-1]
    if last and cell_width(last) == cells:
        return last
    tail = cell_width(last) if 0 < cell_width(last) < cells else min(cells - 1, max(cells // 2, 3))
    return f"{cut(name, cells - 1 - tail)}…{ending(name, tail)}"[:cells]
