"""Charts drawn as strips: always of the requested size, for any data."""

from __future__ import annotations

import subprocess
import sys

import plotext._monitor
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.strip import Strip

from tui_trainer.protocol.events import RunStarted, Scalars
from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.ui.charts.model import (
    Annotation,
    Area,
    ChartData,
    Curve,
    LegendEntry,
    MarkerLine,
    Scale,
    Scatter,
    Tick,
    blank,
)
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import AXES, View
from tui_trainer.ui.render.plot import draw
from tui_trainer.ui.render.raster import GLYPHS, GlyphName

DARK = palette(True)
FAILED = "cannot be drawn"


def _text(strips: list[Strip]) -> list[str]:
    return [strip.text for strip in strips]


def _drawn(
    state: RunState, width: int = 80, height: int = 20, kind: str = "loss", view: View | None = None
) -> list[str]:
    shown = chart_data(ChartKind(kind), [state], 0, view or View(), width, height)
    return _text(draw(shown, width, height, DARK))


def _role(strips: list[Strip], x: int, y: int) -> object:
    """The style of the cell at x, y."""
    at = 0
    for segment in strips[y]:
        at += cell_len(segment.text)
        if x < at:
            return segment.style
    return None


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 9), (9, 1), (2, 2), (7, 3), (19, 5), (31, 6), (50, 12), (80, 24), (220, 70)]
)
@pytest.mark.parametrize("kind", ChartKind)
@pytest.mark.parametrize("glyphs", GLYPHS)
def test_a_chart_fills_its_cells_exactly(make_run, size: tuple[int, int], kind: ChartKind, glyphs: GlyphName):
    state = make_run(steps=130, clip=1.0, layers=("in", "out"), references={"guessing": 2.3})
    width, height = size
    strips = draw(chart_data(kind, [state], 0, View(cursor=60), width, height), width, height, DARK, glyphs)
    assert len(strips) == height
    assert all(strip.cell_length == width == sum(cell_len(part.text) for part in strip) for strip in strips)
    assert not any(FAILED in line for line in _text(strips))
    assert glyphs != "ascii" or all(line.isascii() for line in _text(strips))


numbers = st.one_of(
    st.none(),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, 1e-300, float("inf"), float("-inf"), float("nan"), 1.0]),
)


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(numbers, max_size=60),
    size=st.tuples(st.integers(1, 220), st.integers(1, 70)),
    span=st.one_of(st.none(), st.tuples(st.floats(), st.floats())),
    cursor=st.one_of(st.none(), st.floats()),
    axis=st.sampled_from(AXES),
    log=st.booleans(),
    smoothing=st.sampled_from([None, 0, 1, 30, 100_000]),
    glyphs=st.sampled_from(list(GLYPHS)),
    kind=st.sampled_from(ChartKind),
)
def test_any_run_is_drawable(values, size, span, cursor, axis, log, smoothing, glyphs, kind):
    state = RunState(run="any")
    state.apply(RunStarted(steps_per_epoch=7, epochs=5, batch_size=3, metric="accuracy", clip_grad_norm=1e308))
    steps = list(range(1, len(values) + 1))
    names = ("train_loss", "lr", "grad_norm", "val_loss", "val_accuracy", "grad_norm/fc")
    if steps:
        state.apply(Scalars(steps=steps, seconds=[0.5 * step for step in steps], values=dict.fromkeys(names, values)))
    view = View(axis=axis, log_y=log, smoothing=smoothing, span=span, cursor=cursor)
    shown = chart_data(kind, [state], 0, view, *size)
    strips = draw(shown, *size, DARK, glyphs)
    assert [strip.cell_length for strip in strips] == [size[0]] * size[1]
    assert all(sum(cell_len(part.text) for part in strip) == size[0] for strip in strips)
    assert not any(FAILED in line for line in _text(strips))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(), st.floats(), st.floats()), max_size=20),
    st.tuples(st.integers(1, 120), st.integers(1, 40)),
    st.booleans(),
)
def test_any_chart_data_are_drawable(points, size, log):
    x, low, high = (tuple(part) for part in zip(*points, strict=True)) if points else ((), (), ())
    scale = Scale(1e-3, 1e3, (Tick(1.0, "1"),), log)
    shown = ChartData(1, "any", Scale(0, 1, (Tick(0.5, "half"),)), scale, layers=(Curve("train", x, low, high),))
    assert not any(FAILED in line for line in _text(draw(shown, *size, DARK)))


def test_a_failure_becomes_a_message_under_the_title(monkeypatch: pytest.MonkeyPatch, make_run):
    def broken(self: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(plotext._monitor.monitor_class, "build_plot", broken)
    lines = _drawn(make_run(steps=50))
    assert lines[0].startswith("1 loss")
    assert f"{FAILED}: ZeroDivisionError" in "".join(lines)
    assert [len(line) for line in lines] == [80] * 20


def test_one_spike_in_a_hundred_thousand_steps_is_visible(make_run):
    """The spike stands alone in its column, from the curve up to its height."""
    lines = _drawn(make_run(lambda step: 3.0 if step == 70_000 else 1.0 + step % 9 / 9, steps=100_000, epochs=5000))
    column = 7 + int(0.7 * 73)
    high = [line[column - 1 : column + 2].strip() for line in lines[1:8]]
    assert all(high[2:])
    assert not "".join(line[20:50] for line in lines[1:6]).strip()


def test_a_spike_out_of_range_has_an_arrow_and_its_value(make_run):
    lines = _drawn(make_run(lambda step: 500.0 if step == 100 else 1 + step % 3, steps=200))
    assert "▲500" in lines[1] or "500▲" in lines[1]


def test_a_million_steps_cost_what_a_thousand_cost(long_run: RunState):
    shown = chart_data(ChartKind.LOSS, [long_run], 0, View(), 80, 20)
    assert all(len(layer.x) <= 2 * 80 for layer in shown.layers if isinstance(layer, Curve))
    assert "1M" in _drawn(long_run)[-1]


def test_values_that_are_not_finite_are_marked_at_their_step(make_run):
    lines = _drawn(make_run(lambda step: None if 100 <= step < 104 else 1.0 + step % 3, steps=200, epochs=10))
    bottom = lines[-3]
    assert "✕" in bottom
    assert abs(bottom.index("✕") - (7 + 73 * 100 / 200)) <= 1
    assert "✕ nan at 100 (4)" in lines[0]


def test_marks_stand_at_their_step_with_their_letter(make_run):
    state = make_run(steps=200, epochs=10)
    state.marks += [Mark(step=50, letter="l", text="lr"), Mark(step=150, letter="s", text="schedule")]
    lines = _drawn(state)
    axis = lines[-2]
    for letter, step in (("l", 50), ("s", 150)):
        column = 7 + int(73 * step / 200)
        assert axis[column] == letter
        assert sum(line[column] == "┊" for line in lines[1:-2]) > 10


def test_crowded_marks_are_letters_without_lines(make_run):
    state = make_run(steps=200, epochs=10)
    state.marks += [Mark(step=step, letter="n", text="note") for step in range(1, 200, 2)]
    lines = _drawn(state)
    assert lines[-2].count("n") > 60
    assert "┊" not in "".join(lines)


def test_different_marks_in_one_cell_become_a_star(make_run):
    state = make_run(steps=200, epochs=10)
    state.marks += [Mark(step=100, letter="l", text="lr"), Mark(step=100, letter="s", text="schedule")]
    assert "*" in _drawn(state)[-2]


def test_the_cursor_is_a_line_through_the_chart(make_run):
    lines = _drawn(make_run(steps=200, epochs=10), view=View(cursor=100))
    column = 7 + int(73 * 100 / 200)
    assert sum(line[column] == "┃" for line in lines[1:-2]) > 10
    assert "at 100" in lines[0]


def test_the_scale_is_named_in_the_title(make_run):
    assert "· log" in _drawn(make_run(steps=100), view=View(log_y=True))[0]
    assert "log" not in _drawn(make_run(steps=100))[0]


def test_labels_and_axes_surround_the_plot(make_run):
    lines = _drawn(make_run(steps=200, epochs=10), 80, 24)
    assert all(line[6] in "│┤└ " for line in lines[1:])
    assert lines[-1].startswith("step")
    assert {line[:6].strip() for line in lines[1:-2]} >= {"0", "1", "2"} or "1.0" in "".join(lines)


def test_plots_above_each_other_line_up(make_run):
    state = make_run(steps=200)
    left = {
        kind: next(line.index("└") for line in _drawn(state, kind=kind) if "└" in line)
        for kind in ("loss", "rate", "norm")
    }
    assert len(set(left.values())) == 1


def test_coinciding_lines_alternate():
    x = tuple(k / 100 for k in range(101))
    flat = tuple(0.5 for _ in x)
    layers = (Curve("train", x, flat, flat), Curve("validation", x, flat, flat))
    strips = draw(ChartData(1, "both", Scale(0, 1), Scale(0, 1), layers=layers), 50, 10, DARK)
    styles = {segment.style for strip in strips for segment in strip}
    assert {DARK.style("train"), DARK.style("validation")} <= styles


def test_a_line_in_front_covers_the_band_behind_it():
    x = tuple(k / 100 for k in range(101))
    band = Curve("train-band", x, (0.2,) * 101, (0.8,) * 101, faint=True)
    line = Curve("train", x, (0.5,) * 101, (0.5,) * 101)
    strips = draw(ChartData(1, "both", Scale(0, 1), Scale(0, 1), layers=(band, line)), 50, 10, DARK)
    styles = [segment.style for strip in strips for segment in strip]
    assert DARK.style("train-band") in styles
    assert DARK.style("train") in styles


def test_the_message_of_an_empty_chart_is_in_its_middle():
    lines = _text(draw(blank(3, "norm", "nothing yet"), 40, 9, DARK))
    assert lines[0].startswith("3 norm")
    assert [line.strip() for line in lines[1:] if line.strip()] == ["nothing yet"]


def test_wide_characters_do_not_change_the_width_of_lines():
    wide = "名前🙂é"
    layers = (
        Annotation("text", 0.5, 0.5, wide),
        MarkerLine("mark-line", "mark", 0.5, "名"),
        Scatter("best", (0.2,), (0.2,), "best"),
    )
    legend, notes = (LegendEntry("train", "line", wide),), (LegendEntry("text", "", wide),)
    for width in range(1, 60):
        shown = ChartData(1, wide, Scale(0, 1), Scale(0, 1), legend=legend, notes=notes, layers=layers)
        strips = draw(shown, width, 9, DARK)
        assert all(sum(cell_len(part.text) for part in strip) == width for strip in strips)


def test_a_long_title_loses_its_last_values_first(make_run):
    full = _drawn(make_run(steps=200), 120)[0]
    narrow = _drawn(make_run(steps=200), 45)[0]
    assert "best" in full
    assert "best" not in narrow
    assert "train" in narrow
    assert "val" in narrow


@pytest.mark.parametrize("kind", ["charts without colours", "charts in sixteen colours"])
def test_charts_use_only_available_colors(make_run, kind: str):
    none = "without" in kind
    looks = palette(depth="none" if none else "16")
    strips = draw(chart_data(ChartKind.LOSS, [make_run(steps=200)], 0, View(), 80, 20), 80, 20, looks)
    colors = {segment.style.color for strip in strips for segment in strip if segment.style is not None}
    if none:
        assert colors == {None}
    else:
        assert all(color is None or color.number is None or color.number < 16 for color in colors)
        assert len(colors) >= 3


def test_a_chart_without_cells_has_no_lines():
    assert draw(blank(1, "loss"), 10, 0, DARK) == []
    assert [strip.cell_length for strip in draw(blank(1, "loss"), 0, 3, DARK)] == [0, 0, 0]


def test_the_area_uses_every_row_and_column():
    for width in range(1, 60):
        for height in range(1, 40):
            area = Area.of(width, height)
            assert area.left + area.columns == width or width == 1
            assert 1 + area.rows + area.axis + area.labels == height or area.rows == 0


def test_plotext_is_imported_by_the_first_drawing():
    code = (
        "import sys, tui_trainer.ui.render.chart_widget, tui_trainer.ui.charts.registry as p\n"
        "from tui_trainer.ui.render.plot import draw\n"
        "from tui_trainer.ui.charts.palette import palette\n"
        "from tui_trainer.state.run_state import RunState\n"
        "from tui_trainer.ui.charts.view import View\n"
        "draw(p.chart_data(p.ChartKind.LOSS, [RunState()], 0, View(), 80, 20), 80, 20, palette())\n"
        "sys.exit('plotext' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("glyphs", GLYPHS)
def test_a_spike_survives_fewer_columns_than_it_was_resampled_for(glyphs: GlyphName):
    x = tuple(k / 400 for k in range(401))
    high = tuple(0.95 if k == 123 else 0.1 for k in range(401))
    shown = ChartData(1, "spike", Scale(0, 1), Scale(0, 1), layers=(Curve("train", x, (0.1,) * 401, high),))
    lines = _text(draw(shown, 47, 14, DARK, glyphs))
    column = 7 + int(123 / 400 * 40)
    assert sum(line[column] != " " for line in lines[1:-2]) > 8
