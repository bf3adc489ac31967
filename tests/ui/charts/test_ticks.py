"""Ticks: short labels at round positions, with space between them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.ui.charts.ticks import clock, horizontal_ticks, linear_ticks, log_ticks, nice, short


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0, 0.5, "0"),
        (0.25, 0.05, "0.25"),
        (1, 0.5, "1.0"),
        (400, 100, "400"),
        (1000, 500, "1k"),
        (2500, 500, "2.5k"),
        (2340, 10, "2340"),
        (40_000, 10_000, "40k"),
        (1_500_000, 500_000, "1.5M"),
        (1e-4, 1e-4, "1e-4"),
        (2e-3, 1e-3, "0.002"),
        (1e15, 1e15, "1e15"),
        (0.012345, 0, "0.0123"),
        (-2.5, 0.5, "-2.5"),
    ],
)
def test_short_numbers(value: float, step: float, text: str):
    assert short(value, step) == text


@pytest.mark.parametrize(
    ("seconds", "step", "text"),
    [
        (0, 10, "0:00"),
        (30, 10, "0:30"),
        (725, 5, "12:05"),
        (3720, 600, "1:02:00"),
        (5400, 1800, "1h30"),
        (7200, 3600, "2h"),
        (1800, 1800, "30m"),
        (3 * 86400, 86400, "3d"),
        (0.2, 0.1, "0.2s"),
    ],
)
def test_short_times(seconds: float, step: float, text: str):
    assert clock(seconds, step) == text


@given(st.floats(1e-290, 1e290))
def test_nice_is_not_below_and_not_far_above(size: float):
    assert size * (1 - 1e-6) <= nice(size) <= size * 2.5000001


@given(
    st.floats(-1e9, 1e9),
    st.floats(1e-3, 1e9),
    st.integers(1, 220),
    st.booleans(),
    st.booleans(),
)
def test_labels_never_touch(low: float, width: float, columns: int, seconds: bool, integers: bool):
    high = low + width
    ticks = horizontal_ticks(low, high, columns, seconds=seconds and low >= 0, integers=integers)
    texts = [tick.text for tick in ticks]
    assert len(set(texts)) == len(texts)
    cells = [int((tick.at - low) / (high - low) * columns) for tick in ticks]
    if len(ticks) > 2:
        longest = max(map(len, texts))
        assert all(right - left >= longest + 4 for left, right in pairwise(cells))


@given(st.floats(-300, 300), st.floats(0.2, 500), st.integers(1, 8))
def test_a_logarithmic_axis_has_few_ticks_within_it(power: float, decades: float, count: int):
    low, high = 10.0**power, 10.0 ** min(power + decades, 307)
    if high <= low:
        return
    ticks = log_ticks(low, high, count)
    assert all(low * 0.999 <= tick.at <= high * 1.001 for tick in ticks)
    assert len(ticks) <= 3 * count + 3


def test_labels_are_unique():
    texts = [tick.text for tick in linear_ticks(1, 1 + 1e-12, 1e-13)]
    assert len(set(texts)) == len(texts)
