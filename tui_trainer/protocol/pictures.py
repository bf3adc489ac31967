"""Seven kinds of drawings for the pictures of a run, small enough to fit in an event.

A drawing holds numbers and labels, but no colours or terminal cells. All its numbers are finite; a missing value is
null. `PictureTaken.kind` names the class of the drawing, and `PictureTaken.data` holds its fields.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import PictureTaken

Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=120)]
LongText = Annotated[str, Field(max_length=2000)]
Row = Annotated[tuple[Finite | None, ...], Field(max_length=200)]
MAX_TRACKED_BARS = 100
"""Bars of the largest picture whose heights are kept over the steps."""
ANSWERS = "answers"
"""Name of the picture with the answers of the model, which has a page of its own instead of a chart."""
Many = Annotated[tuple[Finite, ...], Field(max_length=1000)]


class Part(BaseModel):
    """Base class of the parts of a drawing. Later versions may add fields, and earlier ones ignore them."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Axis(Part):
    """One axis: its label, its scale, and the range that it must show, if any."""

    label: Text = ""
    log: bool = False
    low: Finite | None = None
    high: Finite | None = None


class Line(Part):
    """A named curve through points in their order. A dotted one is theory, next to what was measured."""

    name: Text = ""
    x: Many
    y: Many
    dotted: bool = False
    text: Text = ""
    """Text after the name, such as a number that belongs to the curve."""

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError(f"x has {len(self.x)} values, y has {len(self.y)}")
        return self


class Spots(Line):
    """Named points that are not joined."""


class Group(Part):
    """Named bars, one for each label of the drawing; null for a missing bar."""

    name: Text = ""
    values: Row


class Rule(Part):
    """A named straight line across the drawing."""

    at: Finite
    text: Text = ""


class Counts(Part):
    """A named histogram: counts in bins of equal width from `low` to `high`."""

    name: Text = ""
    low: Finite
    high: Finite
    counts: Annotated[
        tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...], Field(min_length=1, max_length=200)
    ]

    @model_validator(mode="after")
    def _has_width(self) -> Self:
        if not self.low < self.high:
            raise ValueError("low must be less than high")
        return self


class Drawing(Part):
    """Base class of the drawings."""

    kind: str
    title: Text = ""
    x: Axis = Field(default_factory=Axis)
    y: Axis = Field(default_factory=Axis)


class Lines(Drawing):
    """Curves over a common axis."""

    kind: Literal["lines"] = "lines"
    lines: Annotated[tuple[Line, ...], Field(max_length=40)]
    spots: Annotated[tuple[Spots, ...], Field(max_length=10)] = ()
    levels: Annotated[tuple[Rule, ...], Field(max_length=10)] = ()
    """Horizontal lines."""


class Bars(Drawing):
    """Groups of bars side by side, over labels."""

    kind: Literal["bars"] = "bars"
    labels: Annotated[tuple[Text, ...], Field(max_length=200)]
    groups: Annotated[tuple[Group, ...], Field(min_length=1, max_length=6)]
    levels: Annotated[tuple[Rule, ...], Field(max_length=10)] = ()
    """Horizontal lines."""

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if any(len(group.values) != len(self.labels) for group in self.groups):
            raise ValueError("a group must have one value for each label")
        return self


class Heat(Drawing):
    """A table of numbers, the first row on top."""

    kind: Literal["heat"] = "heat"
    columns: Annotated[tuple[Text, ...], Field(min_length=1, max_length=200)]
    rows: Annotated[tuple[Text, ...], Field(min_length=1, max_length=200)]
    values: tuple[Row, ...]
    low: Finite | None = None
    high: Finite | None = None
    """Range of the shades; by default the range of the values."""

    @model_validator(mode="after")
    def _of_one_shape(self) -> Self:
        if len(self.values) != len(self.rows) or any(len(row) != len(self.columns) for row in self.values):
            raise ValueError(f"values must be {len(self.rows)} rows of {len(self.columns)}")
        return self


class Contour(Drawing):
    """A function over the plane on an even grid, the lowest row first, with paths and points on it.

    Both axes need `low` and `high`. With `regions`, the values are indices into these names, and are not interpolated.
    `certainty` has the same shape: how sure the model is of each, from 0 (undecided) to 1; empty where unknown.
    """

    kind: Literal["contour"] = "contour"
    values: Annotated[tuple[Row, ...], Field(min_length=2, max_length=100)]
    levels: Annotated[tuple[Finite, ...], Field(max_length=30)] = ()
    """Values of the contour lines, ascending."""
    regions: Annotated[tuple[Text, ...], Field(max_length=40)] = ()
    certainty: Annotated[tuple[Row, ...], Field(max_length=100)] = ()
    paths: Annotated[tuple[Line, ...], Field(max_length=10)] = ()
    spots: Annotated[tuple[Spots, ...], Field(max_length=40)] = ()

    @model_validator(mode="after")
    def _is_a_grid(self) -> Self:
        if len({len(row) for row in self.values}) != 1 or len(self.values[0]) < 2:
            raise ValueError("the rows of the grid must have the same length")
        if self.certainty and [len(row) for row in self.certainty] != [len(row) for row in self.values]:
            raise ValueError("certainty must have the shape of values")
        if self.x.low is None or self.x.high is None or self.y.low is None or self.y.high is None:
            raise ValueError("both axes of the plane need low and high")
        if not (self.x.low < self.x.high and self.y.low < self.y.high):
            raise ValueError("low must be less than high on both axes")
        return self


class Points(Drawing):
    """Clouds of points. `diagonal` draws the line y = x."""

    kind: Literal["points"] = "points"
    spots: Annotated[tuple[Spots, ...], Field(min_length=1, max_length=40)]
    diagonal: bool = False


class Histogram(Drawing):
    """Counts of numbers in bins of equal width, one group for each layer or other source."""

    kind: Literal["histogram"] = "histogram"
    groups: Annotated[tuple[Counts, ...], Field(min_length=1, max_length=12)]


class Sample(Part):
    """One sample with the answer of the model: an image, a row of a table or a text.

    Attributes:
        index: its position in the validation split, from 0; -1 for one that was typed.
        true: its class; empty where it is not known.
        guess: the predicted class.
        sure: the probability of that class; None where the model gives scores.
        wrong: how wrong the answer is, in the measure that the drawing names; None for a typed sample.
        target, answer: true and predicted number of a regression, in the units of the data.
        image: rows of pixels from 0 (dark) to 1; with `channels` 3, red, green and blue of each pixel in turn.
        channels: numbers for one pixel.
        values: the row of a table, in the units of the data.
        text: the characters of a window of text.
    """

    index: int = -1
    true: Text = ""
    guess: Text = ""
    sure: Finite | None = None
    wrong: Finite | None = None
    target: Finite | None = None
    answer: Finite | None = None
    image: Annotated[tuple[Row, ...], Field(max_length=64)] = ()
    channels: Literal[1, 3] = 1
    values: Row = ()
    text: LongText = ""

    @model_validator(mode="after")
    def _is_a_grid(self) -> Self:
        if len({len(row) for row in self.image}) > 1 or any(len(row) % self.channels for row in self.image):
            raise ValueError("the rows of an image must have the same length, a multiple of its channels")
        return self


class ClassScore(Part):
    """Precision and recall of one class; None for precision where nothing was taken for it."""

    name: Text
    precision: Finite | None = None
    recall: Finite | None = None
    count: int = 0
    """Validation samples of the class."""


class Written(Part):
    """Text that a language model wrote after a prompt."""

    prompt: LongText = ""
    text: LongText = ""


class Answers(Drawing):
    """The answers of a model on validation samples and on what was typed.

    Attributes:
        task: classification, regression or language.
        measure: what `Sample.wrong` counts.
        count: validation samples that were looked at.
        names: names of the columns of a table.
        worst: the samples with the largest `wrong`, the worst first.
        chosen: samples by index, and a typed row.
        classes: precision and recall of each class.
        table: the confusion matrix.
        points: predicted over true numbers.
        residuals: predicted minus true numbers, as a histogram.
        written: continued prompts.
    """

    kind: Literal["answers"] = "answers"
    task: Text = ""
    measure: Text = ""
    count: int = 0
    names: Annotated[tuple[Text, ...], Field(max_length=200)] = ()
    worst: Annotated[tuple[Sample, ...], Field(max_length=24)] = ()
    chosen: Annotated[tuple[Sample, ...], Field(max_length=24)] = ()
    classes: Annotated[tuple[ClassScore, ...], Field(max_length=40)] = ()
    table: Heat | None = None
    points: Points | None = None
    residuals: Histogram | None = None
    written: Annotated[tuple[Written, ...], Field(max_length=4)] = ()


AnyDrawing = Annotated[Lines | Bars | Heat | Contour | Points | Histogram | Answers, Field(discriminator="kind")]

DRAWINGS: TypeAdapter[AnyDrawing] = TypeAdapter(AnyDrawing, config=ConfigDict(defer_build=True))


def taken(
    name: str,
    drawing: AnyDrawing,
    numbers: dict[str, float | None],
    *,
    step: int = 0,
    epoch: int = 0,
    cause: AnyCommand | None = None,
) -> PictureTaken:
    """Return the event of a drawing."""
    data = drawing.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
    finite = {key: value if value is not None and math.isfinite(value) else None for key, value in numbers.items()}
    return PictureTaken(step=step, epoch=epoch, name=name, kind=drawing.kind, data=data, numbers=finite, cause=cause)


def drawing_of(event: PictureTaken) -> AnyDrawing | None:
    """Return the drawing of an event, None where its data are invalid or of another version."""
    try:
        return DRAWINGS.validate_python({**event.data, "kind": event.kind})
    except ValidationError:
        return None


def heights(event: PictureTaken) -> dict[str, float]:
    """Return the heights of a picture's bars by group/label; empty for other drawings, or with too many bars."""
    drawing = drawing_of(event) if event.kind == "bars" else None
    if not isinstance(drawing, Bars) or len(drawing.labels) * len(drawing.groups) > MAX_TRACKED_BARS:
        return {}
    return {
        f"{group.name}/{label}": height
        for group in drawing.groups
        for label, height in zip(drawing.labels, group.values, strict=True)
        if height is not None
    }


def counts_of(event: PictureTaken) -> tuple[Counts, ...]:
    """Return the histograms of a picture; empty for other drawings."""
    drawing = drawing_of(event) if event.kind == "histogram" else None
    return drawing.groups if isinstance(drawing, Histogram) else ()


def rounded(values: Iterable[Any], digits: int = 4) -> tuple[float, ...]:
    """Round finite numbers to the digits that a drawing can show."""
    return tuple(float(f"{float(value):.{digits}g}") for value in values)


def rounded_or_none(values: Iterable[Any], digits: int = 4) -> tuple[float | None, ...]:
    """Round numbers; those that are missing or not finite become None."""
    numbers = [None if value is None else float(value) for value in values]
    return tuple(None if n is None or not math.isfinite(n) else float(f"{n:.{digits}g}") for n in numbers)
