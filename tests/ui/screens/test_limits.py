"""Ends of axes that are set by hand: on the chart, in the form, and kept for the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.fake_session import FakeSession, app_over, press, screen_text, show, started, trained, until
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import Limits, View
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.preferences.screen_state import load
from tui_trainer.ui.screens.dialogs.limits import SetLimits, parse_end


@pytest.mark.parametrize("log", [False, True])
def test_ends_that_are_set_are_those_of_the_chart(make_run, log: bool) -> None:
    state: RunState = make_run(steps=200)
    view = View(log={"loss": log})
    free = chart_data(ChartKind.LOSS, [state], 0, view, 90, 20)
    limits = Limits(y=(0.25, None), x=(50.0, 150.0))
    data = chart_data(ChartKind.LOSS, [state], 0, view.with_limits("loss", limits), 90, 20)
    assert (data.y.low, data.y.high, data.y.log) == (0.25, pytest.approx(data.y.high), log)
    assert data.span == (50.0, 150.0)
    assert all(0.25 <= tick.at <= data.y.high for tick in data.y.ticks)
    assert data.y.ticks
    other = chart_data(ChartKind.NORM, [state], 0, view.with_limits("loss", limits), 90, 20)
    assert other.span == chart_data(ChartKind.NORM, [state], 0, view, 90, 20).span
    back = view.with_limits("loss", limits).with_limits("loss", Limits())
    assert back == view
    assert chart_data(ChartKind.LOSS, [state], 0, back, 90, 20) == free


def test_ends_without_a_range_or_a_logarithm_are_ignored(make_run) -> None:
    state: RunState = make_run(steps=200)
    view = View(log={"loss": True})
    free = chart_data(ChartKind.LOSS, [state], 0, view, 90, 20)
    for limits in (Limits(y=(-1.0, None)), Limits(y=(1e9, None)), Limits(x=(90.0, 10.0))):
        assert chart_data(ChartKind.LOSS, [state], 0, view.with_limits("loss", limits), 90, 20).y == free.y


def test_an_end_is_a_number_or_auto() -> None:
    assert parse_end("y to", " 1e-3 ") == 0.001
    assert parse_end("y to", "Auto") is parse_end("y to", "") is None
    for text in ("many", "nan", "inf"):
        with pytest.raises(ValueError, match=r"y to: .*auto"):
            parse_end("y to", text)


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
async def test_the_form_sets_ends_in_the_unit_of_the_axis_and_gives_them_back(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    session = FakeSession()
    session.play(started(path=str(tmp_path / "runs" / "digits")), *trained(200))
    app = app_over(session, memory=ScreenMemory(tmp_path / "screen.json"))
    async with show(app, size) as pilot:
        assert app.dashboard is not None
        state = app.dashboard.view_state
        await press(pilot, "a", "Z")
        await until(pilot, lambda: isinstance(app.screen, SetLimits))
        assert "x from (epoch)" in screen_text(app)
        await press(pilot, *"2", "tab", *"1", "enter")
        assert "y from must be below y to" in screen_text(app)
        await press(pilot, "backspace", *"3", "down", *"1", "down", *"3", "enter")
        await until(pilot, lambda: not isinstance(app.screen, SetLimits))
        assert state.view.limits == {"loss": Limits((2.0, 3.0), (50.0, 150.0))}
        await pilot.pause()
        app.tick()
        await press(pilot, "Z", "backspace", "down", "backspace", "down", "backspace", "down", "backspace", "enter")
        await until(pilot, lambda: not state.view.limits)
        await press(pilot, "Z", *"1", "enter")
        await until(pilot, lambda: state.view.limits)
        await pilot.pause()
        app.tick()
    app.preferences.memory.close()
    assert load(tmp_path / "screen.json")[0].projects[str(tmp_path / "runs")].limits == {"loss": Limits((1.0, None))}
    assert session.sent == []
