"""The pages of further charts, as keys show them."""

from __future__ import annotations

import pytest

from tests.ui.fake_session import app_over, press, running
from tui_trainer.protocol import events as ev
from tui_trainer.state.series import Series
from tui_trainer.ui.dashboard.screen import Dashboard
from tui_trainer.ui.render.chart_widget import Chart


def _many(groups: int = 12, each: int = 25) -> ev.Scalars:
    names = [f"group{group}/number{index}" for group in range(groups) for index in range(each)]
    return ev.Scalars(step=201, steps=[201], seconds=[2.01], values={name: [1.0] for name in names})


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
async def test_pages_show_every_chart_once_and_back_returns(size: tuple[int, int]) -> None:
    session = running()
    session.play(_many())
    app = app_over(session)
    async with app.run_test(size=size) as pilot:
        await press(pilot, "ctrl+l")
        await press(pilot, "right_curly_bracket")
        screen = app.screen
        assert isinstance(screen, Dashboard)
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
        assert session.sent == []


async def test_a_filter_acts_while_typed_a_bad_one_keeps_the_last_and_escape_restores() -> None:
    session = running()
    session.play(_many())
    app = app_over(session)
    async with app.run_test(size=(140, 40)) as pilot:
        await press(pilot, "ctrl+l")
        await press(pilot, "right_curly_bracket")
        screen = app.screen
        assert isinstance(screen, Dashboard)
        pages, run = screen.view_state.pages, screen.selected_run
        await press(pilot, "slash")
        await press(pilot, *"number7")
        assert {chart.title for chart in pages.charts(run)} == {f"group{group}/number7" for group in range(12)}
        await press(pilot, "left_square_bracket")
        assert pages.filter == "number7"
        await press(pilot, "escape")
        assert len(pages.charts(run)) == 300


async def test_a_frame_reads_only_the_series_that_it_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    session = running()
    session.play(_many(100, 100))
    app = app_over(session)
    async with app.run_test(size=(140, 40)) as pilot:
        await press(pilot, "ctrl+l")
        await press(pilot, "right_curly_bracket")
        screen = app.screen
        assert isinstance(screen, Dashboard)
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
