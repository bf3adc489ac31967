"""Conversion between steps and positions on every axis."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.state.run_state import EVALUATIONS, RunState
from tui_trainer.ui.charts.axes import MIN_SPAN, Grid, Ruler, clamp_span, valid_span
from tui_trainer.ui.charts.view import AXES, Axis


@pytest.mark.parametrize("axis", AXES)
def test_step_inverts_position(make_run, axis: Axis):
    ruler = Ruler.of(make_run(steps=200), axis)
    for step in (0.5, 1, 17, 100.25, 199, 200, 350):
        assert ruler.step(ruler.position(step)) == pytest.approx(step, abs=1e-6)


def test_positions_on_each_axis(make_run):
    state = make_run(steps=200, steps_per_epoch=20, batch_size=32, seconds_per_step=0.5)
    assert [Ruler.of(state, axis).position(40) for axis in AXES] == pytest.approx([40, 2, 1280, 20, 40])


def test_time_of_downsampled_steps(long_run: RunState):
    ruler = Ruler.of(long_run, "time")
    for step in (500, 10_000, 400_000, 999_000):
        assert ruler.position(step) == pytest.approx(step / 100, rel=0.01, abs=6)
        assert ruler.step(ruler.position(step)) == pytest.approx(step, rel=0.01, abs=600)


def test_time_continues_at_the_mean_speed_after_the_last_step(make_run):
    ruler = Ruler.of(make_run(steps=100, seconds_per_step=0.1), "time")
    assert ruler.position(150) == pytest.approx(15)
    assert ruler.step(20) == pytest.approx(200)


def test_evaluations_of_steps_with_several_evaluations(make_run):
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


def test_grid_columns():
    grid = Grid.over(Ruler(), 0, 100, 50)
    assert [grid.column(step) for step in (0, 1.9, 2, 99, 100)] == [0, 0, 1, 49, 49]
    assert grid.column(101) is None
    assert grid.snap(3) == 3


def test_grid_steps_are_at_most_one_for_each_column():
    steps = Grid.over(Ruler(), 0, 1000, 20).steps(300, 900)
    assert steps[0] == 300
    assert steps[-1] == 900
    assert len(steps) <= 21


@given(st.tuples(st.floats(), st.floats()))
def test_valid_span_is_drawable_or_none(span: tuple[float, float]):
    result = valid_span(span)
    if result is not None:
        assert math.isfinite(result[0])
        assert math.isfinite(result[1])
        assert result[0] < result[1]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_clamp_span_stays_within_the_run(first: float, width: float):
    full = (0.0, 1000.0)
    result = clamp_span((first, first + width), full)
    if result is not None:
        assert full[0] <= result[0] < result[1] <= full[1] + 1e-6
        assert result[1] - result[0] >= MIN_SPAN * 0.999
    else:
        assert width >= 999
