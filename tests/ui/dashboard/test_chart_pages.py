"""The pages of further charts, as keys show them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import app_over, press, running, screen_text, until
from tui_trainer.protocol import events as ev
from tui_trainer.state.series import Series
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.dashboard.screen import Dashboard
from tui_trainer.ui.render.chart_widget import Chart


def _many(groups: int = 12, each: int = 25) -> ev.Scalars:
    names = [f"group{group}/number{index}" for group in range(groups) for index in range(each)]
    return ev.Scalars(step=201, steps=[201], seconds=[2.01], values={name: [1.0] for name in names})


@asynccontextmanager
async def _on_second_page(
    logged: ev.Scalars, size: tuple[int, int] = (140, 40), *runs: str
) -> AsyncIterator[tuple[Pilot[Any], Dashboard]]:
    """Show the first of some runs, which logged numbers, and turn to its first further page."""
    session = running(*runs)
    session.play(logged)
    app = app_over(session)
    async with app.run_test(size=size) as pilot:
        await press(pilot, "ctrl+l")
        await press(pilot, "right_curly_bracket")
        assert isinstance(app.screen, Dashboard)
        yield pilot, app.screen
        assert session.sent == []


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
async def test_pages_show_every_chart_once_and_back_returns(size: tuple[int, int]) -> None:
    async with _on_second_page(_many(), size) as (pilot, screen):
        state = screen.view_state
        shown = [chart.chart_data.name for chart in screen.query(Chart) if chart.display]
        assert shown == [chart.title for chart in state.pages.on_page(state.selected_run)]
        assert shown[0] == "group0/number0"
        await press(pilot, "1")
        assert [chart.chart_data.name for chart in screen.query(Chart) if chart.display] == ["group0/number0"]
        await press(pilot, "escape")
        await press(pilot, "left_curly_bracket")
        assert state.pages.page == 0
        assert next(chart.chart_data.name for chart in screen.query(Chart) if chart.display) == "loss"


async def test_a_filter_acts_while_typed_a_bad_one_keeps_the_last_and_escape_restores() -> None:
    async with _on_second_page(_many()) as (pilot, screen):
        pages, run = screen.view_state.pages, screen.selected_run
        await press(pilot, "slash")
        await press(pilot, *"number7")
        assert {chart.title for chart in pages.charts(run)} == {f"group{group}/number7" for group in range(12)}
        await press(pilot, "left_square_bracket")
        assert pages.filter == "number7"
        await press(pilot, "escape")
        assert len(pages.charts(run)) == 300


async def test_a_frame_reads_only_the_series_that_it_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _on_second_page(_many(100, 100)) as (pilot, screen):
        assert screen.view_state.pages.page == 1
        read: set[int] = set()
        columns = Series.columns

        def spy(series: Series, *arguments: object) -> object:
            read.add(id(series))
            return columns(series, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(Series, "columns", spy)
        screen.redraw()
        await pilot.pause()
        # The numbers of the rail read a few standard series.
        assert 0 < len(read) <= screen.view_state.pages.per_page + 8


async def test_a_run_that_logs_nothing_else_shows_the_standard_charts() -> None:
    async with _on_second_page(_many(1, 3).model_copy(update={"run": "set/a"}), (140, 40), "set/a", "set/b") as (
        pilot,
        screen,
    ):

        def shown() -> list[str]:
            return [chart.chart_data.name for chart in screen.query(Chart) if chart.display]

        assert shown() == [f"group0/number{index}" for index in range(3)]
        await press(pilot, "tab")
        assert "loss" in shown()
        await press(pilot, "tab")
        assert shown() == [f"group0/number{index}" for index in range(3)]


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_the_heading_names_groups_page_and_filter(size: tuple[int, int]) -> None:
    async with _on_second_page(_many(), size) as (pilot, screen):
        app = screen.app
        assert isinstance(app, TrainerApp)
        pages = screen.view_state.pages.count(screen.selected_run) + 1
        heading = next(line for line in screen_text(app).splitlines() if f"page 2 of {pages}" in line)
        assert heading.split()[0] == "group0"
        await press(pilot, "slash", *"up11", "enter")
        await until(pilot, lambda: ", filter up11" in screen_text(app))
        assert "group11 " in screen_text(app)
        await press(pilot, "1")
        assert ", filter up11" not in screen_text(app)


@pytest.mark.long
@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
async def test_a_session_with_three_hundred_names(size: tuple[int, int]) -> None:
    async with _on_second_page(_many(), size) as (pilot, screen):
        pages, run = screen.view_state.pages, screen.selected_run

        def shown() -> list[str]:
            return [chart.chart_data.name for chart in screen.query(Chart) if chart.display]

        walked = shown()
        for page in range(2, pages.count(run) + 1):
            await press(pilot, "right_curly_bracket")
            assert pages.page == page
            walked += shown()
        assert walked == [f"group{group}/number{index}" for group in range(12) for index in range(25)]

        await press(pilot, "slash", *"group1[01]/.*4$", "enter")
        assert {chart.title for chart in pages.charts(run)} == {
            f"group{group}/number{index}" for group in (10, 11) for index in (4, 14, 24)
        }
        assert shown()[0] == "group10/number4"
        await press(pilot, "1")
        assert shown() == ["group10/number4"]
        await press(pilot, "escape", "slash", *["backspace"] * 20, "enter")
        assert len(pages.charts(run)) == 300
