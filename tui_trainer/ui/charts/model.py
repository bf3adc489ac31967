"""What a chart shows, as one frozen value: numbers, roles and words, no colours and no characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from tui_trainer.ui.charts.palette import Role

Sign = Literal["line", "dots", "band", "point", "best", "gap", "above", "below", ""]
"""A shape that tells one thing from another where colours cannot."""

LABEL = 6
"""Cells of a label on the vertical axis: charts have the same, so that those above each other line up. Tables of names
take what their names need."""


class Area(NamedTuple):
    """How the cells of a chart are shared out: a title on top, labels at the left and below, the plot in between."""

    label: int
    """Cells of the labels at the left; 0 without a vertical axis."""
    columns: int
    rows: int
    axis: bool
    """Whether there is a line under the plot."""
    labels: bool
    """Whether there are labels under the plot."""

    @property
    def left(self) -> int:
        """Cells before the plot: the labels and the vertical line."""
        return self.label + 1 if self.label else 0

    @classmethod
    def of(cls, width: int, height: int, label: int = LABEL) -> Area:
        """The area of a chart of this size with labels of so many cells; a small one gives up its labels first."""
        label = label if width >= 32 else LABEL - 1 if width >= 20 else 0
        axis, labels = height >= 8, height >= 6
        columns = max(width - label - bool(label), 1)
        return cls(label, columns, max(height - 1 - axis - labels, 0), axis, labels)


class Tick(NamedTuple):
    """A place on an axis and what is written there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis: its ends and its ticks. A logarithmic one has positive ends."""

    low: float
    high: float
    ticks: tuple[Tick, ...] = ()
    log: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over places that rise, from `low` to `high` at each: a band, or a line where both are the same.

    Neighbours are joined, so what is not to be joined is another curve.
    """

    role: Role
    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    dotted: bool = False
    faint: bool = False
    """Whether it lies behind the others and gives way to them cell by cell."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """Signs at single points, over everything else."""

    role: Role
    x: tuple[float, ...]
    y: tuple[float, ...]
    sign: Sign


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line with its name."""

    role: Role
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class MarkerLine:
    """A vertical line with a letter in another role at its foot; without `tall` the letter stands alone."""

    role: Role
    foot: Role
    x: float
    letter: str
    tall: bool = True


@dataclass(frozen=True, slots=True)
class Annotation:
    """A few characters beside a point, where they cover nothing; one that is `needed` may cover faint curves."""

    role: Role
    x: float
    y: float
    text: str
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Trail:
    """Points in the order of their places on a way, which may turn: joined, or a dot for each."""

    role: Role
    x: tuple[float, ...]
    y: tuple[float, ...]
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """Values over an even grid that fills the plot, the lowest row first: a shade of its own between each two levels.

    A `smooth` one is read between its points; one that is not is a table of cells.
    """

    values: tuple[tuple[float | None, ...], ...]
    levels: tuple[float, ...]
    """Rising; a value between two of them has the role of its place among them."""
    roles: tuple[Role, ...]
    """At least one more than levels."""
    smooth: bool = False
    apart: bool = False
    """Whether the levels part things that are different, and not more from less: then no shade is empty or heavy."""


@dataclass(frozen=True, slots=True)
class Words:
    """A text in the middle of its place, over everything."""

    role: Role
    x: float
    y: float
    text: str


Layer = Curve | Scatter | Level | MarkerLine | Annotation | Trail | Field | Words


class LegendEntry(NamedTuple):
    """One thing in the title line: the shape and the colour in which it is drawn, its name and its value."""

    role: Role
    sign: Sign
    text: str


@dataclass(frozen=True, slots=True)
class ChartData:
    """A whole chart. Two that are equal look the same at the same size.

    Attributes:
        number: the key that opens it.
        name: what it shows.
        notes: how it is shown: smoothing, scale, what is not on it.
        legend: what is on it, the most important first.
        unit: what the horizontal axis counts.
        layers: what is drawn, from the bottom up.
        steps: the step at each edge of the plot's columns of cells, one more than these: where a click lies.
        whole: the first and the last step when nothing is zoomed.
        message: what stands in the plot where there is nothing to draw.
        label: cells of the labels at the left.
    """

    number: int
    name: str
    x: Scale
    y: Scale
    unit: str = ""
    notes: tuple[LegendEntry, ...] = ()
    legend: tuple[LegendEntry, ...] = ()
    layers: tuple[Layer, ...] = ()
    steps: tuple[float, ...] = ()
    whole: tuple[float, float] = (0.0, 1.0)
    message: str = ""
    label: int = LABEL

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last visible step."""
        return (self.steps[0], self.steps[-1]) if self.steps else (0.0, 1.0)


def blank(number: int, name: str, message: str = "") -> ChartData:
    """A picture with nothing on it but a message."""
    return ChartData(number, name, Scale(0, 1), Scale(0, 1), message=message)
