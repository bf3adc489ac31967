"""Drawings: what they hold, and that nothing else is taken for one."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import (
    Axis,
    Bars,
    Contour,
    Group,
    Heat,
    Line,
    Lines,
    Points,
    Spots,
    drawing_of,
    rounded,
    rounded_or_none,
    taken,
)

PLANE = Axis(low=0, high=1)
DRAWINGS = [
    Lines(title="a", x=Axis(log=True), lines=(Line(name="b", x=(1, 2), y=(3, 4), dotted=True),)),
    Bars(labels=("a", "b"), groups=(Group(name="c", values=(1, None)),)),
    Heat(columns=("a",), rows=("b", "c"), values=((1,), (None,)), low=0),
    Contour(x=PLANE, y=PLANE, values=((1, 2), (3, 4)), levels=(2,), paths=(Line(x=(0,), y=(1,)),)),
    Points(spots=(Spots(x=(1,), y=(2,)),), diagonal=True),
]


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_a_drawing_comes_back_from_its_event(drawing):
    event = taken("name", drawing, {"a": 1.5, "b": math.inf, "c": math.nan}, step=7, epoch=2)
    assert drawing_of(PictureTaken.model_validate_json(event.model_dump_json())) == drawing
    assert (event.kind, event.step, event.epoch) == (drawing.kind, 7, 2)
    assert event.numbers == {"a": 1.5, "b": None, "c": None}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Line(x=(1, 2), y=(1,)),
        lambda: Line(x=(math.nan,), y=(1,)),
        lambda: Bars(labels=("a",), groups=(Group(values=(1, 2)),)),
        lambda: Bars(labels=("a",), groups=(Group(values=(math.inf,)),)),
        lambda: Heat(columns=("a",), rows=("b",), values=((1, 2),)),
        lambda: Contour(x=PLANE, y=PLANE, values=((1, 2), (3,))),
        lambda: Contour(x=Axis(), y=PLANE, values=((1, 2), (3, 4))),
        lambda: Contour(x=Axis(low=1, high=1), y=PLANE, values=((1, 2), (3, 4))),
    ],
)
def test_what_cannot_be_drawn_is_no_drawing(wrong):
    with pytest.raises(ValidationError):
        wrong()


def test_an_event_of_another_version_has_no_drawing():
    assert drawing_of(PictureTaken(name="a", kind="hologram", data={"x": 1})) is None
    assert drawing_of(PictureTaken(name="a", kind="bars", data={"labels": 3})) is None


def test_numbers_are_rounded_to_what_can_be_seen():
    assert rounded([1.23456789, 1e-9]) == (1.235, 1e-9)
    assert rounded_or_none([None, math.nan, math.inf, 2]) == (None, None, None, 2.0)
