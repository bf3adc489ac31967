"""Sparklines: one row of the requested width for any values, with gaps where nothing is known."""

from __future__ import annotations

from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.ui.render.sparkline import ASCII_LEVELS, LEVELS, sparkline


def test_a_rising_series_uses_every_level():
    assert sparkline(range(8), 8) == LEVELS
    assert sparkline(range(5), 5, ascii=True) == ASCII_LEVELS


def test_values_that_are_not_finite_are_gaps():
    assert sparkline([1.0, nan, 2.0, inf, 1.0, -inf], 6) == "▁ █ ▁ "
    assert sparkline([nan, nan], 4) == "    "
    assert sparkline([], 3) == "   "


def test_many_values_are_averaged_and_few_are_joined():
    assert sparkline([0.0, 2.0, 10.0, 12.0], 2) == "▁█"
    assert sparkline([0.0, 7.0], 8) == LEVELS
    assert sparkline([3.0], 4) == sparkline([5.0, 5.0, 5.0], 4) == "▄▄▄▄"


def test_a_gap_does_not_hide_its_neighbours_in_a_cell():
    assert sparkline([0.0, nan, 8.0, 8.0], 2) == "▁█"


@pytest.mark.parametrize("width", [0, -3])
def test_no_width_is_an_empty_row(width: int):
    assert sparkline([1.0, 2.0], width) == ""


@given(
    values=st.lists(st.floats(), max_size=60),
    width=st.integers(0, 40),
    plain=st.booleans(),
)
def test_the_row_has_the_width_and_only_its_characters(values: list[float], width: int, plain: bool):
    row = sparkline(values, width, plain)
    assert len(row) == width
    assert set(row) <= set(ASCII_LEVELS if plain else LEVELS) | {" "}
    assert not plain or row.isascii()
    if width >= len(values) > 0 and all(map(isfinite, values)):
        assert " " not in row


@given(values=st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=40))
def test_levels_follow_the_order_of_the_values(values: list[float]):
    row = sparkline(values, len(values))
    levels = [LEVELS.index(character) for character in row]
    for (one, level), (other, above) in zip(
        zip(values, levels, strict=True), zip(values[1:], levels[1:], strict=True), strict=False
    ):
        assert (one <= other) <= (level <= above)
        assert (one >= other) <= (level >= above)
