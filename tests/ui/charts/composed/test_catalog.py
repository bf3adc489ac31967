"""The charts a run gets by itself, their filter and their pages."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.composed.catalog import divided, filtered, heading_of, own_charts
from tui_trainer.ui.charts.composed.page_choice import GRIDS, pattern_of
from tui_trainer.ui.charts.composed.pages import ChartPages
from tui_trainer.ui.charts.composed.series_chart import SeriesChart
from tui_trainer.ui.charts.registry import chart_data, pane_named
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.dashboard.layout import LayoutRequest, arrange, chart_cells

NAMES = st.from_regex(r"[a-c]{1,2}/[a-z]{1,4}", fullmatch=True)


def _logged(*names: str, steps: int = 20) -> RunState:
    state = RunState(run="logged")
    values: dict[str, list[float | None]] = {name: [float(step) for step in range(steps)] for name in names}
    column = list(range(1, steps + 1))
    state.apply(ev.Scalars(step=steps, steps=column, seconds=[float(step) for step in column], values=values))
    return state


def test_standard_series_get_no_chart_and_both_splits_of_one_quantity_share_one() -> None:
    names = ("train_loss", "lr", "seconds", "grad_norm/head", "axis/tokens", "val_accuracy", "val_f1", "train_f1")
    charts = own_charts((*names, "rank/10", "rank/2"), metric="accuracy")
    assert charts == (
        SeriesChart("f1", ("train_f1", "val_f1")),
        SeriesChart("rank/2", ("rank/2",)),
        SeriesChart("rank/10", ("rank/10",)),
    )


@given(st.lists(NAMES, unique=True, max_size=40), st.integers(1, 15))
@settings(max_examples=40, deadline=None)
def test_every_chart_is_on_exactly_one_page(names: list[str], per_page: int) -> None:
    state = RunState(run="many")
    for name in names:
        state.column(name)
    pages = ChartPages(per_page=per_page)
    shown: list[str] = []
    for page in range(1, pages.count(state) + 1):
        pages.page = page
        shown += [chart.title for chart in pages.on_page(state)]
    assert sorted(shown) == sorted(names)


@given(st.lists(st.integers(1, 30), max_size=8), st.integers(1, 15))
@settings(max_examples=60, deadline=None)
def test_a_group_begins_a_page_where_little_room_is_lost(sizes: list[int], per_page: int) -> None:
    names = [f"group{group}/{index}" for group, size in enumerate(sizes) for index in range(size)]
    charts = [SeriesChart(name, (name,)) for name in names]
    pages = divided(charts, per_page)
    assert [chart for page in pages for chart in page] == charts
    for page, after in pairwise(pages):
        lost = per_page - len(page)
        assert lost <= per_page / 4
        assert not lost or heading_of(page[-1]) != heading_of(after[0])
    for page in pages:
        for before, chart in pairwise(page):
            group = heading_of(chart)
            if heading_of(before) == group:
                continue
            free = per_page - page.index(chart)  # the group follows another one: it fits, or much room would be lost
            assert sizes[int(group.removeprefix("group"))] <= free or free > per_page / 4


@given(st.lists(NAMES, unique=True, max_size=40), st.sampled_from(["a", "^b", "a.*z$", "x|y", "[", "(?P<"]))
@settings(max_examples=40, deadline=None)
def test_a_filter_keeps_what_matches_and_names_a_bad_expression(names: list[str], text: str) -> None:
    charts = own_charts(names)
    try:
        expression = re.compile(text, re.IGNORECASE)
    except re.error:
        with pytest.raises(ValueError, match="not a regular expression"):
            pattern_of(text)
        return
    assert {chart.title for chart in filtered(charts, text)} == {name for name in names if expression.search(name)}


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12), (300, 90)])
@pytest.mark.parametrize("grid", GRIDS)
def test_equal_charts_lie_side_by_side_inside_the_screen(size: tuple[int, int], grid: tuple[int, int]) -> None:
    arrangement = arrange(*size, LayoutRequest(charts=4, grid=grid))
    assert arrangement.charts >= 1
    width, height = size[0], arrangement.rows * arrangement.small_height
    cells = chart_cells(arrangement, width, height, arrangement.charts)
    taken = [(x + i, y + j) for x, y, w, h in cells for i in range(w) for j in range(h)]
    assert len(taken) == len(set(taken))
    assert all(x < width and y < height for x, y in taken)


def test_a_chart_has_its_own_scale_axis_and_smoothing_until_the_user_chooses() -> None:
    chart = SeriesChart("both", ("a/x", "a/y"), axis="time", log=True, smoothing=30)
    view = chart.view_of(View())
    assert (view.axis, view.log, view.smoothing) == ("time", {"series:both": True}, 30)
    assert chart.view_of(View().with_log(chart.id, False)).log == {"series:both": False}


def test_a_chart_of_several_series_draws_and_names_each() -> None:
    state = _logged("a/x", "a/y")
    data = chart_data(SeriesChart("both", ("a/x", "a/y", "a/absent")), [state], 0, View(), 60, 16)
    assert [entry.text.split()[0] for entry in data.legend] == ["a/x", "a/y"]
    assert not data.message
    assert pane_named("series:a/x", [state], 0) == SeriesChart("a/x", ("a/x",))


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (300, 90)])
@pytest.mark.parametrize("charts", [1, 2, 3, 50])
def test_a_few_equal_charts_share_the_whole_room(size: tuple[int, int], charts: int) -> None:
    full = arrange(*size, LayoutRequest(charts=1000, grid=(0, 0)))
    few = arrange(*size, LayoutRequest(charts=charts, grid=(0, 0)))
    assert min(charts, full.charts) <= few.charts
    assert few.heading == 1
    assert few.rows * few.small_height > full.rows * full.small_height - few.rows
    assert few.charts - few.columns < charts


@pytest.mark.parametrize(
    "text", ["(a+)+$", "(a|a)*b", "((a|b))*", "(a{2,}){3}", "(a?a)*b", ".*.*.*.*x", "a?" * 11 + "a" * 11, "(a|a)" * 11]
)
def test_an_expression_that_could_search_for_minutes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="minutes"):
        pattern_of(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("train.*loss", "Train/Loss"),
        ("loss|acc|lr|norm|wd|a|b|c|d|e|f|g", "x/acc"),
        ("(ab)+$", "cabab"),
        (r"\(a+\)+", "(aa)"),
        ("[(+*]+x", "(+x"),
        ("layer_(1|2)/.+", "layer_2/x"),
        ("a*?b", "aab"),
    ],
)
def test_ordinary_expressions_are_taken(text: str, found: str) -> None:
    assert pattern_of(text).search(found)
    assert filtered([SeriesChart(found, (found,))], text)
