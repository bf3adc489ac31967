"""Text is measured, cut and aligned in cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.ui.fake_session import running, started
from tui_trainer.cli.options import print_table
from tui_trainer.protocol.describe import duration, size
from tui_trainer.protocol.events import Layer
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cell_width, cut, ending, exact, number, padded, visible
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.pictures.frame import labels
from tui_trainer.ui.charts.ticks import short
from tui_trainer.ui.icons import FANCY
from tui_trainer.ui.panels.layers_table import layers_page
from tui_trainer.ui.panels.numbers_table import BestValues
from tui_trainer.ui.panels.runs_list import runs_list
from tui_trainer.ui.run_store import RunStore
from tui_trainer.ui.screens.run_table import _cell  # pyright: ignore[reportPrivateUsage]

NAMES = st.text(st.sampled_from("ab 日本\u0301\u26a0\ufe0fé🙂"), max_size=12)


@given(NAMES, st.integers(0, 20))
def test_text_is_cut_and_padded_to_cells(text: str, width: int) -> None:
    assert cell_width(text) == cell_len(text)
    assert cell_width(cut(text, width)) <= width
    assert text.startswith(cut(text, width))
    assert cell_width(cut(text, width, "…")) <= width
    assert cell_width(ending(text, width)) <= width
    assert text.endswith(ending(text, width))
    assert cell_width(padded(cut(text, width), width)) == width


def test_variation_selectors_are_left_out() -> None:
    assert visible("\u26a0\ufe0f low") == "\u26a0 low"


def test_wide_names_do_not_shift_the_columns_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("数字-日本", "x"), ("plain", "x"), ("\u26a0\ufe0f emoji", "x")], ("name", "status"))
    lines = capsys.readouterr().out.splitlines()
    assert {cell_len(line[: line.rindex(line[-1])]) for line in lines[1:]} == {cell_len("数字-日本") + 2}


def test_wide_names_do_not_shift_columns_of_the_screen() -> None:
    states: list[RunState] = []
    for name in ("数字数字数字数字", "plain", "a-long-name-that-is-cut"):
        state = RunState(run=name)
        state.apply(started())
        states.append(state)
    signs = FANCY
    listed = runs_list(states, 0, 30, signs, palette(), RunStore(running()), BestValues())
    assert len({line.cell_length for line in listed[1:]}) == 1
    layers = {"数字": Layer(grad_norm=1.0), "fc": Layer(grad_norm=1.0)}
    table = layers_page(layers, {}, 80, signs).plain.splitlines()
    assert cell_len(table[1]) == cell_len(table[2])
    assert {cell_len(_cell(name, 9)) for name in ("数字数字数字数字", "数字", "plain")} == {9}
    assert all(cell_len(name) <= 5 for name in labels(["数字数字一", "数字数字二", "abcdefgh"], 5))


def test_names_that_begin_alike_are_cut_before_their_last_word() -> None:
    names = ["normal-001", "normal-01", "normal-1", "orthogonal-1", "orthogonal-root2", "xavier"]
    assert labels(names, 6) == ["no…001", "nor…01", "norm…1", "orth…1", "…root2", "xavier"]


@given(st.integers(-(10**14), 10**14), st.integers(1, 6))
def test_whole_counts_have_all_their_digits(count: int, digits: int) -> None:
    assert number(count, digits) == number(float(count), digits) == exact(float(count)) == str(count)


@given(st.floats(allow_nan=False))
def test_an_exact_number_reads_back(value: float) -> None:
    assert float(exact(value)) == value


@given(st.floats(0, 1e8))
def test_units_of_time_are_chosen_after_rounding(seconds: float) -> None:
    text = duration(seconds)
    if text.endswith(" s"):
        shown = text.removesuffix(" s")
        assert float(shown) < 60
        assert ("." in shown) == (float(shown) < 10)
    assert abs(seconds - 59.6) > 0.05 or text == "1:00"


@given(st.floats(0, 1e15))
def test_units_of_size_are_chosen_after_rounding(count: float) -> None:
    shown = size(count).partition(" ")[0]
    assert len(shown) <= 4
    assert float(shown) < 1000 or count >= 999e12


@given(st.floats(1e-3, 9e11))
def test_units_of_an_axis_are_chosen_after_rounding(value: float) -> None:
    text = short(value)
    assert float(text.rstrip("kMG")) < 1000 or not text[-1].isalpha()
    assert not text.startswith("1000") or text[-1].isdigit()


@pytest.mark.parametrize(
    ("seconds", "text"), [(59.6, "1:00"), (59.4, "59 s"), (9.96, "10 s"), (9.94, "9.9 s"), (3599.6, "1:00:00")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_that_round_up_to_the_next_unit() -> None:
    assert [size(999_600), size(99_960), size(999.6), size(999.4)] == ["1.0 MB", "100 kB", "1.0 kB", "999 B"]
    assert [short(999_999), short(9999.9), short(12345.0)] == ["1M", "10k", "12.3k"]
    assert number(None) == "-"
    assert number(float("inf")) == "inf"
