"""The rasteriser: curves as dots and dots as characters."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.ui.charts.model import Curve, Scale
from tui_trainer.ui.render.raster import GLYPHS, Canvas, GlyphName

BITS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))


def _canvas(columns: int = 10, rows: int = 5, glyphs: GlyphName = "braille", **scales: Scale) -> Canvas:
    return Canvas(scales.get("x", Scale(0, 1)), scales.get("y", Scale(0, 1)), columns, rows, GLYPHS[glyphs])


def _dots(canvas: Canvas, curve: Curve) -> set[tuple[int, int]]:
    """The places of the dots, read back from the braille characters."""
    found: set[tuple[int, int]] = set()
    for column, row, dots in canvas.rasterize_curve(curve):
        code = ord(canvas.glyphs.curve_character(dots, curve.role)) - 0x2800
        for across in range(2):
            found |= {(2 * column + across, 4 * row + up) for up in range(4) if code & BITS[across][up]}
    return found


def _line(points: list[tuple[float, float]], **options: bool) -> Curve:
    values = tuple(y for _, y in points)
    return Curve("train", tuple(x for x, _ in points), values, values, **options)


def test_a_point_lies_at_its_value():
    assert _dots(_canvas(), _line([(0.51, 0.51)])) == {(10, 10)}
    assert _dots(_canvas(), _line([(0.0, 0.0), (1.0, 1.0)])) >= {(0, 0), (19, 19)}


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12))
def test_a_line_has_no_gaps_and_no_thick_parts(points: list[tuple[float, float]]):
    points = sorted(dict(points).items())
    columns: dict[int, list[int]] = {}
    for column, row in _dots(_canvas(), _line(points)):
        columns.setdefault(column, []).append(row)
    held = sorted(columns)
    assert held == list(range(held[0], held[-1] + 1))
    for rows in columns.values():
        assert sorted(rows) == list(range(min(rows), max(rows) + 1))
    for left, right in pairwise(held):
        assert max(columns[left]) >= min(columns[right]) - 1
        assert min(columns[left]) <= max(columns[right]) + 1


def test_a_gentle_slope_is_one_dot_thick():
    dots = _dots(_canvas(), _line([(0.01, 0.1), (0.99, 0.6)]))
    assert len(dots) <= 24


def test_a_dotted_line_skips_cells():
    full = {column for column, _, _ in _canvas().rasterize_curve(_line([(0, 0.5), (1, 0.5)]))}
    dotted = {column for column, _, _ in _canvas().rasterize_curve(_line([(0, 0.5), (1, 0.5)], dotted=True))}
    assert len(full) == 10
    assert len(dotted) == 7


def test_curves_outside_the_plot_are_not_drawn():
    assert not list(_canvas().rasterize_curve(_line([(0.1, 5.0), (0.9, 5.0)])))
    assert not list(_canvas().rasterize_curve(_line([(-3.0, 0.5), (-2.0, 0.5)])))
    assert list(_canvas().rasterize_curve(_line([(0.1, 0.5), (0.9, 5.0)])))


def test_a_logarithmic_axis_has_no_row_for_zero():
    canvas = _canvas(y=Scale(0.01, 100, log=True))
    assert canvas.row(0) == -1
    assert canvas.row(-5) == -1
    assert canvas.row(1) == 10
    assert canvas.row(1000) == 20


@pytest.mark.parametrize("glyphs", GLYPHS)
def test_every_character_set_draws_every_column(glyphs: GlyphName):
    canvas = _canvas(glyphs=glyphs)
    cells = list(canvas.rasterize_curve(_line([(0, 0), (0.5, 1), (1, 0)])))
    assert {column for column, _, _ in cells} == set(range(10))
    for column, row, dots in cells:
        assert 0 <= column < 10
        assert 0 <= row < 5
        assert canvas.glyphs.curve_character(dots, "train").strip()


def test_ascii_characters_differ_by_curve():
    glyphs = GLYPHS["ascii"]
    assert all(sign.isascii() for sign in glyphs.signs.values())
    assert (
        glyphs.curve_character(1, "train-band")
        != glyphs.curve_character(1, "train")
        != glyphs.curve_character(1, "validation")
    )
