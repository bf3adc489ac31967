"""The data of a chart as one frozen value: numbers, colour roles and texts, without colours or characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from tui_trainer.ui.charts.palette import Role

Sign = Literal["line", "dots", "band", "point", "best", "gap", "above", "below", ""]
"""The sign of a legend entry or point, so that entries differ without colours."""

LABEL = 6
"""Cells of a label on the vertical axis. All charts use the same width, so that charts above each other line up;
tables of names use the width of their names."""


class Area(NamedTuple):
    """The layout of a chart in cells: a title on top, labels at the left and below, the plot in between."""

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
        """Lay out a chart of `width` by `height` cells; small charts give up their labels first."""
        label = label if width >= 32 else LABEL - 1 if width >= 20 else 0
        axis, labels = height >= 8, height >= 6
        columns = max(width - label - bool(label), 1)
        return cls(label, columns, max(height - 1 - axis - labels, 0), axis, labels)


class Tick(NamedTuple):
    """A position on an axis and its label."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis: its ends and ticks. The ends of a logarithmic axis are positive."""

    low: float
    high: float
    ticks: tuple[Tick, ...] = ()
    log: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """A band from `low` to `high` over rising `x`, or a line where both are equal.

    Neighbouring points are joined; use two curves for a gap.
    """

    role: Role
    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    dotted: bool = False
    """Whether the curve is drawn in dashes."""
    faint: bool = False
    """Whether the curve lies behind the others, which cover it cell by cell."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """Signs at single points, drawn over everything else."""

    role: Role
    x: tuple[float, ...]
    y: tuple[float, ...]
    sign: Sign


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal reference line with its name."""

    role: Role
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class MarkerLine:
    """A vertical line with a letter at its foot, in the role `foot`; only the letter if not `tall`."""

    role: Role
    foot: Role
    x: float
    letter: str
    tall: bool = True


@dataclass(frozen=True, slots=True)
class Annotation:
    """A short text next to a point, left out if it would cover something; a `needed` one may cover faint curves.

    It stands in the row of the point, or up to `away` rows from it.
    """

    role: Role
    x: float
    y: float
    text: str
    needed: bool = False
    away: int = 2


@dataclass(frozen=True, slots=True)
class Trail:
    """Points along a path in any direction: joined by lines, or one dot each."""

    role: Role
    x: tuple[float, ...]
    y: tuple[float, ...]
    joined: bool = True
    faint: bool = False
    """Whether the trail lies behind everything else."""


@dataclass(frozen=True, slots=True)
class Field:
    """Values on an even grid that fills the plot, lowest row first, with one shade for each interval between levels.

    A `smooth` field is interpolated between its points; otherwise it is a table of cells.
    """

    values: tuple[tuple[float | None, ...], ...]
    levels: tuple[float, ...]
    """Ascending thresholds; a value uses the role with the index of its interval."""
    roles: tuple[Role, ...]
    """One role for each interval, at least one more than there are levels."""
    smooth: bool = False


@dataclass(frozen=True, slots=True)
class Regions:
    """A map of classes over a plane, each shaded by how certain its class is: half a cell is one point of it."""

    classes: tuple[tuple[float | None, ...], ...]
    """Class indices on an even grid, lowest row first."""
    certainty: tuple[tuple[float | None, ...], ...]
    """Shares from 0 (undecided) to 1 (certain) on the same grid; empty where they are not known."""
    count: int
    """Number of classes."""
    x: tuple[float, float]
    y: tuple[float, float]
    """The ends of the grid on both axes."""


@dataclass(frozen=True, slots=True)
class CenteredText:
    """A text centred on a point, drawn over everything else."""

    role: Role
    x: float
    y: float
    text: str


Layer = Curve | Scatter | Level | MarkerLine | Annotation | Trail | Field | Regions | CenteredText


class LegendEntry(NamedTuple):
    """One entry of the title line: colour role, sign, and the text with name and value."""

    role: Role
    sign: Sign
    text: str


LOG_NOTE = LegendEntry("text", "", "log")
"""The note in the title of a chart with a logarithmic vertical axis."""


@dataclass(frozen=True, slots=True)
class ChartData:
    """A complete chart. Equal chart data look the same at the same size.

    Attributes:
        number: the number key that opens the chart; 0 without one.
        name: the title.
        x: the horizontal axis.
        y: the vertical axis.
        notes: notes in the title: smoothing, scale, gaps.
        legend: the curves with their values, most important first.
        unit: unit of the horizontal axis.
        layers: the content, from the bottom up.
        shaded: stretches of the horizontal axis that a finding or card speaks of.
        steps: the step at each edge of the plot's columns of cells (columns + 1 values), to map clicks to steps.
        full_span: first and last step without zoom.
        message: text in the middle of a plot without content.
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
    shaded: tuple[tuple[float, float], ...] = ()
    steps: tuple[float, ...] = ()
    full_span: tuple[float, float] = (0.0, 1.0)
    message: str = ""
    label: int = LABEL

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last visible step."""
        return (self.steps[0], self.steps[-1]) if self.steps else (0.0, 1.0)


def blank(number: int, name: str, message: str = "") -> ChartData:
    """Return an empty chart with a message."""
    return ChartData(number, name, Scale(0, 1), Scale(0, 1), message=message)
