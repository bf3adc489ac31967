"""Resampled series: bands keep spikes, smoothing looks back, gaps stay open."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series
from tui_trainer.ui.charts.axes import Grid, Ruler
from tui_trainer.ui.charts.resample import Resampled, gap_note, smoothing_note, smoothing_width


def _resampled(values: list[float | None], columns: int, span: tuple[float, float] | None = None) -> Resampled:
    series = Series()
    series.extend(range(1, len(values) + 1), values)
    low, high = span or (0, len(values))
    return Resampled.of(series, Grid.over(Ruler(), low, high, columns))


def test_a_band_spans_the_smallest_to_the_largest_value_of_each_column():
    resampled = _resampled([1.0] * 500 + [9.0] + [1.0] * 499, 20)
    (band,) = resampled.band("train")
    assert max(band.high) == 9
    assert min(band.low) == 1
    assert sum(high > 1 for high in band.high) == 1


def test_a_million_steps_become_one_point_for_each_column(long_run: RunState):
    resampled = Resampled.of(long_run.series["train_loss"], Grid.over(Ruler(), 0, 1_000_000, 200))
    (band,) = resampled.band("train")
    assert len(band.x) <= 200
    assert max(band.high) == 5
    (line,) = resampled.line("train", resampled.smoothed(1000))
    assert len(line.x) <= 200


def test_smoothing_of_a_constant_is_that_constant():
    assert set(_resampled([3.0] * 300, 40).smoothed(30)) == {3.0}


def test_smoothing_is_the_mean_of_the_last_steps():
    resampled = _resampled([float(step) for step in range(1, 101)], 100)
    smooth = resampled.smoothed(10)
    assert smooth[99] == pytest.approx(sum(range(90, 101)) / 11, abs=0.6)
    assert smooth[0] is None
    assert smooth[1] == 1


def test_smoothing_does_not_look_ahead():
    resampled = _resampled([1.0] * 50 + [0.0] * 50, 100)
    smooth = resampled.smoothed(20)
    assert all(value == 1 for value in smooth[1:50])
    assert smooth[70] == pytest.approx(0, abs=0.06)


def test_smoothing_in_a_zoomed_view_includes_steps_before_its_edge():
    values = [float(step % 2) for step in range(1000)]
    assert _resampled(values, 50, (500, 550)).smoothed(100)[0] == pytest.approx(0.5, abs=0.05)


def test_small_values_are_not_lost_after_one_huge_value():
    resampled = _resampled([1.0] * 20 + [1e300] + [1.0] * 200, 221)
    assert resampled.smoothed(10)[-1] == pytest.approx(1)


def test_values_that_are_not_finite_open_a_gap_and_are_counted():
    resampled = _resampled([1.0] * 10 + [None] * 10 + [2.0] * 10, 30)
    assert len(resampled.band("train")) == 2
    assert len(resampled.gap_columns) == 10
    assert gap_note(resampled) == "nan at 11 (10)"
    assert [value for value in resampled.smoothed(5) if value is not None][-1] == 2


def test_sparse_values_are_joined():
    series = Series()
    series.extend([10, 50, 90], [1.0, 2.0, 3.0])
    (line,) = Resampled.of(series, Grid.over(Ruler(), 0, 100, 50)).band("validation")
    assert len(line.x) == 3


def test_adaptive_smoothing_follows_the_visible_span():
    resampled = _resampled([1.0] * 1000, 100)
    assert smoothing_width(None, resampled) == 20
    assert smoothing_width(None, _resampled([1.0] * 1000, 100, (100, 120))) == 0
    assert smoothing_width(300, resampled) == 300
    assert smoothing_width(0, resampled) == 0


def test_the_smoothing_note_is_never_narrower_than_a_column():
    assert smoothing_note(30, _resampled([1.0] * 1000, 100)) == "mean of 30"
    assert smoothing_note(30, _resampled([1.0] * 10_000, 100)) == "mean of 100"
    assert smoothing_note(0, _resampled([1.0] * 100, 100)) == ""


@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), max_size=80),
    st.integers(1, 40),
    st.integers(0, 1000),
)
def test_curves_are_finite_and_ascending(values: list[float | None], columns: int, width: int):
    resampled = _resampled(values, columns, (0, max(len(values), 1)))
    for curve in [*resampled.band("train"), *resampled.line("train", resampled.smoothed(width))]:
        assert all(map(math.isfinite, (*curve.x, *curve.low, *curve.high)))
        assert list(curve.x) == sorted(curve.x)
