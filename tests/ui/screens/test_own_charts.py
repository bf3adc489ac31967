"""Compose charts on the screen: mark series, keep the chart for the project, move it and remove it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.fake_session import FakeSession, app_over, press, screen_text, show, started, trained, until
from tui_trainer.protocol import events as ev
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.charts.composed.own import MAX_TITLE, moved, title_for
from tui_trainer.ui.charts.composed.series_chart import MAX_SERIES, SeriesChart
from tui_trainer.ui.charts.palette import LAYERS
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.preferences.screen_state import ProjectState, load, update
from tui_trainer.ui.render.chart_widget import Chart
from tui_trainer.ui.screens.dialogs.compose_chart import UNKNOWN, ComposeChart
from tui_trainer.ui.screens.dialogs.own_charts import OwnCharts


def _logged(count: int = 8) -> ev.Scalars:
    names = [f"reward/part{index}" for index in range(count)]
    return ev.Scalars(step=201, steps=[201], seconds=[2.01], values={name: [1.5] for name in names})


def _app(path: Path, count: int = 8) -> TrainerApp:
    session = FakeSession()
    folder = str(path.parent / "runs" / "digits")
    session.play(started(path=folder), ev.StatusChanged(status="running"), *trained(200), _logged(count))
    return app_over(session, memory=ScreenMemory(path))


def _titles(app: TrainerApp) -> list[str]:
    return [chart.chart_data.name for chart in app.screen.query(Chart) if chart.display]


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
async def test_a_composed_chart_is_shown_kept_and_drawn_again(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "screen.json"
    app = _app(path)
    async with show(app, size) as pilot:
        await press(pilot, "A")
        await until(pilot, lambda: isinstance(app.screen, ComposeChart))
        await press(pilot, *"val_l", "enter")
        await press(pilot, *["backspace"] * 5, *"part3", "enter")
        await press(pilot, "tab", *"Two", "tab", "right", "right", "tab", "right", "enter")
        await until(pilot, lambda: not isinstance(app.screen, ComposeChart))
        await until(pilot, lambda: "Two" in screen_text(app))
        assert _titles(app)[0] == "Two"
    app.preferences.memory.close()
    chart = SeriesChart("Two", ("val_loss", "reward/part3"), axis="epoch", log=True, own=True)
    project = load(path)[0].projects[str(tmp_path / "runs")]
    assert (project.charts, project.charts_page) == ((chart,), 1)
    again = _app(path)
    async with show(again, size) as pilot:
        await until(pilot, lambda: "Two" in screen_text(again))


async def test_charts_are_edited_moved_removed_and_brought_back(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    charts = tuple(SeriesChart(title, ("train_loss", "gone/x"), own=True) for title in ("one", "two", "three"))
    update(path, lambda state: state.with_project(str(tmp_path / "runs"), ProjectState(charts=charts)))
    app = _app(path)
    async with show(app, (140, 40)) as pilot:
        assert app.dashboard is not None
        pages = app.dashboard.view_state.pages
        await until(pilot, lambda: pages.own)
        await press(pilot, "A")
        await until(pilot, lambda: isinstance(app.screen, OwnCharts))
        await press(pilot, "J", "x")
        assert [chart.title for chart in pages.own] == ["two", "three"]
        await press(pilot, "u")
        assert [chart.title for chart in pages.own] == ["two", "one", "three"]
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, ComposeChart))
        assert f"gone/x  {UNKNOWN}" in screen_text(app)
        await press(pilot, "tab", *["backspace"] * 5, *"three", "enter")
        assert 'another chart has the title "three"' in screen_text(app)
        await press(pilot, "s", "enter")
        await until(pilot, lambda: not isinstance(app.screen, ComposeChart))
    assert [(chart.title, chart.series) for chart in pages.own] == [
        ("two", ("train_loss", "gone/x")),
        ("threes", ("train_loss", "gone/x")),
        ("three", ("train_loss", "gone/x")),
    ]


async def test_series_that_a_run_lacks_are_said_to_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    charts = (SeriesChart("elsewhere", ("gone/x",), own=True),)
    project = ProjectState(charts=charts, charts_page=1, filter="elsewhere")
    update(path, lambda state: state.with_project(str(tmp_path / "runs"), project))
    app = _app(path)
    async with show(app, (100, 30)) as pilot:
        await until(pilot, lambda: "not recorded by this run" in screen_text(app))
        await press(pilot, "A", "x", "escape")
        # The filter matches nothing any more: the standard charts are back, and a key clears it.
        await until(pilot, lambda: "loss" in _titles(app))
        await press(pilot, "right_curly_bracket")
        await until(pilot, lambda: "reward/part0" in _titles(app))


async def test_a_chart_takes_as_many_series_as_can_be_told_apart(tmp_path: Path) -> None:
    assert len(LAYERS) == MAX_SERIES
    app = _app(tmp_path / "screen.json")
    async with show(app, (100, 30)) as pilot:
        await press(pilot, "A")
        await press(pilot, "tab", "enter")
        assert "no series is marked" in screen_text(app)
        await press(pilot, "shift+tab", *"part")
        for _ in range(MAX_SERIES + 1):
            await press(pilot, "enter", "down")
        assert f"a chart has up to {MAX_SERIES} series" in screen_text(app)


async def test_a_letter_makes_the_lines_on_the_screen_alone(tmp_path: Path) -> None:
    app = _app(tmp_path / "screen.json", 10_000)
    async with show(app, (100, 30)) as pilot:
        await press(pilot, "A")
        await press(pilot, *"7")
        listed = app.screen.query_one(LongList)
        assert listed.option_count > 1000
        assert 0 < listed.made < 100


def test_titles_are_short_and_unique() -> None:
    assert title_for(["a/x", "a/y"]) == "a: x, y"
    assert title_for(["a/x", "lr"], ["a/x, lr"]) == "a/x, lr 2"
    names = [f"group{index}/{'x' * 40}" for index in range(4)]
    assert len(title_for(names, [title_for(names)])) <= MAX_TITLE
    charts = tuple(SeriesChart(title, ("x",)) for title in "abc")
    assert [chart.title for chart in moved(charts, 0, 2)] == ["b", "c", "a"]
    assert moved(charts, 0, -1) == charts
