"""Steps and places of every axis, both ways."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.state.run_state import EVALUATIONS, RunState
from tui_trainer.ui.charts.axes import MIN_SPAN, Grid, Ruler, clamp_span, valid_span
from tui_trainer.ui.charts.view import AXES, Axis


@pytest.mark.parametrize("axis", AXES)
def test_a_step_comes_back_from_its_place(make_run, axis: Axis):
    ruler = Ruler.of(make_run(steps=200), axis)
    for step in (0.5, 1, 17, 100.25, 199, 200, 350):
        assert ruler.step(ruler.position(step)) == pytest.approx(step, abs=1e-6)


def test_each_axis_counts_what_it_says(make_run):
    state = make_run(steps=200, steps_per_epoch=20, batch_size=32, seconds_per_step=0.5)
    assert [Ruler.of(state, axis).position(40) for axis in AXES] == pytest.approx([40, 2, 1280, 20, 40])


def test_time_reaches_into_what_is_kept_in_buckets_only(long_run: RunState):
    ruler = Ruler.of(long_run, "time")
    for step in (500, 10_000, 400_000, 999_000):
        assert ruler.position(step) == pytest.approx(step / 100, rel=0.01, abs=6)
        assert ruler.step(ruler.position(step)) == pytest.approx(step, rel=0.01, abs=600)


def test_time_goes_on_at_the_mean_pace_after_the_last_step(make_run):
    ruler = Ruler.of(make_run(steps=100, seconds_per_step=0.1), "time")
    assert ruler.position(150) == pytest.approx(15)
    assert ruler.step(20) == pytest.approx(200)


def test_evaluations_are_counted_where_a_step_takes_several(make_run):
    state = make_run(steps=100)
    state.column(EVALUATIONS).extend(range(1, 101), [3.0 * step for step in range(1, 101)])
    ruler = Ruler.of(state, "evaluations")
    assert [ruler.position(step) for step in (10, 99.5, 120)] == pytest.approx([30, 298.5, 360])
    assert [ruler.step(index) for index in (30, 298.5, 360)] == pytest.approx([10, 99.5, 120])


@pytest.mark.parametrize("axis", AXES)
def test_a_run_without_a_step_has_an_axis(axis: Axis):
    ruler = Ruler.of(RunState(), axis)
    assert math.isfinite(ruler.position(10))
    assert ruler.step(ruler.position(10)) == pytest.approx(10)


def test_a_grid_puts_every_step_into_the_column_that_holds_it():
    grid = Grid.over(Ruler(), 0, 100, 50)
    assert [grid.column(step) for step in (0, 1.9, 2, 99, 100)] == [0, 0, 1, 49, 49]
    assert grid.column(101) is None
    assert grid.snap(3) == 3


def test_a_grid_lists_at_most_one_step_for_each_column():
    steps = Grid.over(Ruler(), 0, 1000, 20).steps(300, 900)
    assert steps[0] == 300
    assert steps[-1] == 900
    assert len(steps) <= 21


@given(st.tuples(st.floats(), st.floats()))
def test_any_span_becomes_one_that_can_be_drawn_or_none(span: tuple[float, float]):
    found = valid_span(span)
    if found is not None:
        assert math.isfinite(found[0])
        assert math.isfinite(found[1])
        assert found[0] < found[1]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_span_stays_within_the_run(first: float, width: float):
    whole = (0.0, 1000.0)
    found = clamp_span((first, first + width), whole)
    if found is not None:
        assert whole[0] <= found[0] < found[1] <= whole[1] + 1e-6
        assert found[1] - found[0] >= MIN_SPAN * 0.999
    else:
        assert width >= 999
