"""The visible range of the axes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.ui.charts.axes import Ruler
from tui_trainer.ui.charts.model import Curve, Scale
from tui_trainer.ui.charts.ranges import axis_end, capped, round_up_end, vertical_scale


def _curve(values: list[float]) -> Curve:
    return Curve("train", tuple(map(float, range(len(values)))), tuple(values), tuple(values))


def _scale(values: list[float], **options: object) -> Scale:
    return vertical_scale([_curve(values)], 12, **{"log": False, **options})  # pyright: ignore[reportArgumentType]


def test_an_ordinary_curve_is_fully_visible():
    scale = _scale([2.0 * 0.97**k for k in range(100)])
    assert scale.low == 0
    assert 2 <= scale.high <= 2.6


def test_one_outlier_does_not_stretch_the_axis():
    assert _scale([1.0 + k % 5 / 10 for k in range(100)] + [50.0]).high < 2.5


def test_a_near_outlier_is_visible():
    assert _scale([1.0 + k % 5 / 10 for k in range(100)] + [1.6]).high >= 1.6


def test_everything_is_visible_without_trim():
    assert _scale([1.0] * 100 + [50.0], trim=False).high >= 50


def test_a_divergence_stays_visible():
    """More than one column in fifty is no outlier, and required values are always visible."""
    assert _scale([1.0] * 90 + [100.0] * 10).high >= 100
    assert _scale([1.0] * 100 + [100.0], required=[100.0]).high >= 100


def test_a_distant_reference_does_not_stretch_the_axis():
    curve = [1.0, 2.0] * 20
    assert _scale(curve, optional=[2.2]).high >= 2.2
    assert _scale(curve, optional=[9.0]).high < 3


def test_a_logarithmic_axis_contains_every_positive_value():
    scale = _scale([0.0, -1.0, 1e-4, 3.0, 700.0], log=True)
    assert scale.log
    assert 0 < scale.low <= 1e-4
    assert scale.high >= 700


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60), st.booleans(), st.integers(0, 60))
def test_every_axis_is_ascending_and_finite(values: list[float], log: bool, rows: int):
    scale = vertical_scale([_curve(values)], rows, log=log)
    assert math.isfinite(scale.low)
    assert math.isfinite(scale.high)
    assert math.isfinite(scale.high - scale.low)
    assert scale.low < scale.high
    assert scale.low > 0 or not log
    assert len(scale.ticks) <= 40


@given(st.floats(1e-6, 1e12))
def test_round_up_end_leaves_at_most_a_third_of_the_axis_free(value: float):
    assert value * (1 - 1e-6) <= round_up_end(value) <= value * 1.34


@pytest.mark.parametrize("axis", ["step", "epoch"])
def test_the_axis_of_a_running_run_grows_in_few_jumps(axis: str):
    ruler = Ruler("step") if axis == "step" else Ruler("epoch", 25.0)
    ends = [axis_end(ruler, step, 1000, over=False) for step in range(1, 1001)]
    assert ends == sorted(ends)
    assert all(end >= ruler.position(step) for step, end in enumerate(ends, 1))
    assert len(set(ends)) <= 22
    assert ends[-1] == ruler.position(1000)


def test_the_axis_of_a_finished_run_ends_with_it():
    assert axis_end(Ruler(), 437, 1000, over=True) == 437


def test_a_diverged_background_run_does_not_press_the_front_onto_one_line():
    front, diverged = _curve([2.3 * 0.9**k for k in range(60)]), _curve([2.3 * 10.0 ** (k / 2) for k in range(60)])
    behind = replace(diverged, faint=True)
    top = vertical_scale(capped([front, behind], [2.3]), 12, log=True).high
    assert 200 <= top <= 2500
    assert vertical_scale([front, behind], 12, log=True).high > 1e20
    assert capped([front, behind], []) == [front, behind], "without a level nothing says what is far"
    assert capped([diverged], [2.3]) == [diverged], "the run in front is drawn whole"
