"""A series keeps recent values exactly and older ones at a bounded size, and loses no spike."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_trainer.state.series import BUCKETS, MAX_GAPS, RECENT, Series


def filled(count: int, seed: int = 0, chunk: int = 997) -> tuple[Series, list[float]]:
    source = random.Random(seed)
    values = [source.gauss(0, 1) for _ in range(count)]
    series = Series()
    for first in range(0, count, chunk):
        part = values[first : first + chunk]
        series.extend(range(first + 1, first + 1 + len(part)), part)
    return series, values


@pytest.mark.parametrize("count", [1, 10, RECENT, RECENT + 1, 50_000, 300_000])
def test_columns_hold_the_true_extremes_means_and_counts(count):
    series, values = filled(count)
    edges = [1 + count * k / 50 for k in range(51)]
    columns = [column for column in series.columns(edges) if column is not None]
    assert sum(column.count for column in columns) == count
    assert min(column.low for column in columns) == min(values)
    assert max(column.high for column in columns) == max(values)
    assert sum(column.mean * column.count for column in columns) == pytest.approx(sum(values), abs=1e-6)
    for column in columns:
        inside = values[column.first - 1 : column.last]
        assert (column.low, column.high, column.count) == (min(inside), max(inside), len(inside))


def test_memory_is_bounded_whatever_the_length():
    series, _ = filled(1_000_000, chunk=100_000)
    assert len(series.steps) <= RECENT
    assert len(series.state_dict()["buckets"][0]) <= BUCKETS
    assert series.count == 1_000_000


def test_a_spike_of_one_step_survives_every_merge():
    series = Series()
    for first in range(0, 2_000_000, 50_000):
        values = [1.0] * 50_000
        if first == 50_000:
            values[123] = 1000.0
        series.extend(range(first, first + 50_000), values)
    tops = [column.high for column in series.columns([k * 20_000 for k in range(101)]) if column]
    assert tops.count(1000.0) == 1
    assert tops.index(1000.0) == 2


def test_non_finite_values_are_kept_as_gaps():
    series = Series()
    series.extend([1, 2, 3, 4], [1.0, None, None, 2.0], {1: "inf", 2: "nan"})
    assert series.gaps == [(2, "inf"), (3, "nan")]
    assert series.values.tolist() == [1.0, 2.0]
    assert series.last == 2.0
    series.extend([5], [None], {0: "-inf"})
    assert (series.last_step, series.gap_count) == (5, 3)
    for step in range(6, 1000):
        series.extend([step], [math.nan])
    assert len(series.gaps) == MAX_GAPS
    assert series.gap_count == 997


def test_a_line_read_twice_changes_nothing():
    series = Series()
    series.extend([1, 2, 3], [1.0, 2.0, 3.0])
    before = series.state_dict()
    series.extend([1, 2, 3], [9.0, 9.0, 9.0])
    assert series.state_dict() == before
    series.extend([2, 3, 4], [9.0, 9.0, 4.0])
    assert series.values.tolist() == [1.0, 2.0, 3.0, 4.0]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40_000), st.integers(0, 40_000))
def test_rewinding_leaves_a_prefix(count, step):
    series, values = filled(count)
    series.rewind(step)
    assert series.last_step <= max(step, 0)
    if step >= count:
        assert series.count == count
    elif step >= count - RECENT // 2 and step:
        assert series.values[-1] == values[step - 1]
    series.extend([step + 1], [5.0])
    assert series.last == 5.0


def test_a_loaded_series_is_equal_and_continues_equally():
    series, _ = filled(30_000)
    again = Series.from_state_dict(json.loads(json.dumps(series.state_dict())))
    for one in (series, again):
        one.extend(range(30_001, 60_001), [0.5] * 30_000)
    assert series.state_dict() == again.state_dict()


def test_the_step_at_which_a_rising_series_reached_a_value():
    clock = Series()
    for first in range(0, 100_000, 1000):
        clock.extend(range(first, first + 1000), [step / 10 for step in range(first, first + 1000)])
    for seconds in (0.0, 5.0, 123.4, 5000.0, 9999.9):
        assert clock.step_where(seconds) == pytest.approx(seconds * 10, abs=clock.width + 1)
    assert clock.step_where(1e9) == 99_999


def test_the_value_at_or_before_a_step():
    series, values = filled(20_000)
    assert series.at(20_000) == (20_000, values[-1])
    assert series.at(19_999.5) == (19_999, values[-2])
    assert Series().at(5) is None
    old = series.at(100)
    assert old is not None
    assert old[0] >= 100 - series.width


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("extend"), st.integers(1, 6000)),
            st.tuples(st.just("read"), st.integers(1, 400)),
            st.tuples(st.just("rewind"), st.integers(0, 9000)),
        ),
        max_size=12,
    )
)
def test_reading_columns_changes_nothing(actions):
    source = random.Random(1)
    series = Series()
    for action, size in actions:
        if action == "extend":
            first = series.last_step + 1
            series.extend(range(first, first + size), [source.gauss(0, 1) for _ in range(size)])
        elif action == "rewind":
            series.rewind(max(series.last_step - size, 0))
        else:
            edges = [series.last_step * k / size for k in range(size + 1)]
            fresh = Series.from_state_dict(series.state_dict())
            for column, expected in zip(series.columns(edges), fresh.columns(edges), strict=True):
                assert (column is None) == (expected is None)
                if column is not None and expected is not None:
                    assert (column.first, column.last, column.low, column.high, column.count) == (
                        expected.first, expected.last, expected.low, expected.high, expected.count,
                    )  # fmt: skip
                    assert column.mean == pytest.approx(expected.mean, abs=1e-12)
