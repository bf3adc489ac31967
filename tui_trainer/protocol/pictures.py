"""What a picture is made of when it leaves the engine: five kinds of drawings, small enough for an event.

A drawing holds numbers and words and knows neither colours nor cells. Everything in it is finite; where a value was
missing there is null. `PictureTaken.kind` names its class and `PictureTaken.data` holds its fields.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tui_trainer.protocol.events import PictureTaken

Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=120)]
Row = Annotated[tuple[Finite | None, ...], Field(max_length=200)]
FOLLOWED = 100
"""Bars of a picture whose past is kept, at most."""
Many = Annotated[tuple[Finite, ...], Field(max_length=1000)]


class Part(BaseModel):
    """A piece of a drawing. Fields may be added by later versions and are ignored by earlier ones."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Axis(Part):
    """What is counted along one side; the ends that it has to show, where there are any."""

    label: Text = ""
    log: bool = False
    low: Finite | None = None
    high: Finite | None = None


class Line(Part):
    """A named curve: points that are joined in their order. A dotted one is theory beside what was measured."""

    name: Text = ""
    x: Many
    y: Many
    dotted: bool = False
    text: Text = ""
    """What stands behind its name: a number that belongs to this curve."""

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError(f"{len(self.x)} places and {len(self.y)} values")
        return self


class Spots(Line):
    """Named points that are not joined."""


class Group(Part):
    """Named bars, one for each label of the drawing; null where there is none."""

    name: Text = ""
    values: Row


class Rule(Part):
    """A named straight line across the drawing."""

    at: Finite
    text: Text = ""


class Drawing(Part):
    """What all kinds share."""

    kind: str
    title: Text = ""
    x: Axis = Axis()
    y: Axis = Axis()


class Lines(Drawing):
    """Curves over a common axis."""

    kind: Literal["lines"] = "lines"
    lines: Annotated[tuple[Line, ...], Field(max_length=40)]
    spots: Annotated[tuple[Spots, ...], Field(max_length=10)] = ()
    levels: Annotated[tuple[Rule, ...], Field(max_length=10)] = ()
    """Horizontal lines."""


class Bars(Drawing):
    """Groups of bars beside each other, over labels."""

    kind: Literal["bars"] = "bars"
    labels: Annotated[tuple[Text, ...], Field(max_length=200)]
    groups: Annotated[tuple[Group, ...], Field(min_length=1, max_length=6)]
    levels: Annotated[tuple[Rule, ...], Field(max_length=10)] = ()
    """Horizontal lines."""

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if any(len(group.values) != len(self.labels) for group in self.groups):
            raise ValueError("a group has not one value for each label")
        return self


class Heat(Drawing):
    """A table of numbers, the first row on top."""

    kind: Literal["heat"] = "heat"
    columns: Annotated[tuple[Text, ...], Field(min_length=1, max_length=200)]
    rows: Annotated[tuple[Text, ...], Field(min_length=1, max_length=200)]
    values: tuple[Row, ...]
    low: Finite | None = None
    high: Finite | None = None
    """The ends of the shades; those of the values where there are none."""

    @model_validator(mode="after")
    def _of_one_shape(self) -> Self:
        if len(self.values) != len(self.rows) or any(len(row) != len(self.columns) for row in self.values):
            raise ValueError(f"the values are not {len(self.rows)} rows of {len(self.columns)}")
        return self


class Contour(Drawing):
    """A function over the plane on an even grid, the lowest row first, with what lies on it.

    Both axes have ends. With `regions` the values are places in these names, and nothing lies between two of them.
    """

    kind: Literal["contour"] = "contour"
    values: Annotated[tuple[Row, ...], Field(min_length=2, max_length=100)]
    levels: Annotated[tuple[Finite, ...], Field(max_length=30)] = ()
    """The values that lie on lines, rising."""
    regions: Annotated[tuple[Text, ...], Field(max_length=40)] = ()
    paths: Annotated[tuple[Line, ...], Field(max_length=10)] = ()
    spots: Annotated[tuple[Spots, ...], Field(max_length=40)] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({len(row) for row in self.values}) != 1 or len(self.values[0]) < 2:
            raise ValueError("the rows of the grid are not of one length")
        if self.x.low is None or self.x.high is None or self.y.low is None or self.y.high is None:
            raise ValueError("an axis of the plane has no ends")
        if not (self.x.low < self.x.high and self.y.low < self.y.high):
            raise ValueError("an axis of the plane has no extent")
        return self


class Points(Drawing):
    """Clouds of points; `diagonal` draws the line on which both coordinates are one."""

    kind: Literal["points"] = "points"
    spots: Annotated[tuple[Spots, ...], Field(min_length=1, max_length=40)]
    diagonal: bool = False


AnyDrawing = Annotated[Lines | Bars | Heat | Contour | Points, Field(discriminator="kind")]

DRAWINGS: TypeAdapter[AnyDrawing] = TypeAdapter(AnyDrawing)


def taken(
    name: str, drawing: AnyDrawing, numbers: dict[str, float | None], *, step: int = 0, epoch: int = 0
) -> PictureTaken:
    """The event of a drawing."""
    data = drawing.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
    held = {key: value if value is not None and math.isfinite(value) else None for key, value in numbers.items()}
    return PictureTaken(step=step, epoch=epoch, name=name, kind=drawing.kind, data=data, numbers=held)


def drawing_of(event: PictureTaken) -> AnyDrawing | None:
    """The drawing of an event; None where it is of another version or was never one."""
    try:
        return DRAWINGS.validate_python({**event.data, "kind": event.kind})
    except ValidationError:
        return None


def heights(event: PictureTaken) -> dict[str, float]:
    """What the bars of an event stand at, by group/label; nothing of other drawings, or where there are too many."""
    drawing = drawing_of(event) if event.kind == "bars" else None
    if not isinstance(drawing, Bars) or len(drawing.labels) * len(drawing.groups) > FOLLOWED:
        return {}
    return {
        f"{group.name}/{label}": height
        for group in drawing.groups
        for label, height in zip(drawing.labels, group.values, strict=True)
        if height is not None
    }


def rounded(values: Iterable[Any], digits: int = 4) -> tuple[float, ...]:
    """Numbers as a drawing holds them: no more digits than can be seen. They must be finite."""
    return tuple(float(f"{float(value):.{digits}g}") for value in values)


def rounded_or_none(values: Iterable[Any], digits: int = 4) -> tuple[float | None, ...]:
    """The same of numbers of which some may be missing or not finite."""
    found = [None if value is None else float(value) for value in values]
    return tuple(None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}") for value in found)
