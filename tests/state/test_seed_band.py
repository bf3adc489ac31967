"""The band over seeds, against the statistics of the standard library."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.state.seed_band import mean_deviation, seed_band
from tui_trainer.state.series import Series

numbers = st.floats(-1e6, 1e6)


def series(points: dict[int, float]) -> Series:
    made = Series()
    made.extend(list(points), list(points.values()))
    return made


@given(st.lists(numbers, min_size=2, max_size=9))
def test_mean_and_deviation_equal_the_standard_library(values: list[float]):
    mean, deviation = mean_deviation(values)
    assert mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert deviation == pytest.approx(statistics.stdev(values), abs=1e-6)


def test_the_band_has_the_steps_that_all_runs_share():
    runs = [series({1: 1.0, 2: 4.0, 3: 9.0}), series({2: 6.0, 3: 1.0, 4: 5.0}), series({})]
    steps, mean, low, high = seed_band(runs)
    assert (steps, mean) == ([2, 3], [5.0, 5.0])
    assert low == pytest.approx([5 - statistics.stdev([4, 6]), 5 - statistics.stdev([9, 1])])
    assert high == pytest.approx([10 - value for value in low])


def test_a_long_band_is_thinned_to_its_ends():
    steps, *_ = seed_band([series(dict.fromkeys(range(1, 2001), 1.0))] * 3, points=100)
    assert (len(steps), steps[0], steps[-1]) == (100, 1, 2000)


def test_no_values_give_no_band():
    assert seed_band([Series()]) == ([], [], [], [])
