"""The dashboard: the display of a run, and the keys that change the view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.events import MouseScrollUp

from tests.ui.fake_session import (
    FakeSession,
    app_over,
    finished,
    press,
    running,
    screen_text,
    settle,
    show,
    started,
    trained,
    until,
)
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import Bars, Group, taken
from tui_trainer.session.base import Greeting
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.charts.registry import ChartKind
from tui_trainer.ui.forms.form import Form
from tui_trainer.ui.panels.log_pane import LogPane
from tui_trainer.ui.render.chart_widget import Chart
from tui_trainer.ui.render.preview_widget import Preview
from tui_trainer.ui.settings import Settings

WIDE = (140, 40)


def shown(app: TrainerApp) -> list[str]:
    """Return the ids of the visible charts."""
    assert app.dashboard is not None
    return [chart.kind for chart in app.dashboard.query(Chart) if chart.display and chart.size.area]


def view(app: TrainerApp) -> Any:
    assert app.dashboard is not None
    return app.dashboard.view_state.view


async def test_a_starting_run_is_shown_at_once() -> None:
    session = FakeSession()
    session.play(
        ev.StatusChanged(status="starting", detail="importing torch"), ev.Logged(lines=["hello from the host"])
    )

    app = app_over(session)

    async with show(app) as pilot:
        assert "starting: importing torch" in screen_text(app)
        assert "hello from the host" in screen_text(app)
        first = screen_text(app)
        await until(pilot, lambda: screen_text(app) != first)
        session.play(started(), ev.StatusChanged(status="running"), *trained(10))
        await until(pilot, lambda: "1 loss" in screen_text(app))
        assert "importing torch…" not in screen_text(app)


async def test_an_empty_session_shows_connecting() -> None:
    session = FakeSession()
    session.drain()

    app = app_over(session)

    async with show(app):
        assert "connecting" in screen_text(app)
        assert "waiting for the host" in screen_text(app)


@pytest.mark.parametrize(
    ("size", "charts"), [((200, 60), 5), ((140, 40), 4), ((80, 24), 1), ((40, 12), 1), ((20, 5), 0)]
)
async def test_number_of_charts_at_usual_sizes(size: tuple[int, int], charts: int) -> None:
    app = app_over(running())
    usual = [kind for kind in ChartKind if kind is not ChartKind.SPEED]

    async with show(app, size):
        assert shown(app) == usual[:charts]
        assert "▶" in screen_text(app)
        assert "train" in screen_text(app)


async def test_a_small_screen_has_one_readable_chart_and_three_numbers_with_curves() -> None:
    app = app_over(running())

    async with show(app, (80, 24)) as pilot:
        assert shown(app) == ["loss"]
        text = screen_text(app)
        for words in ("2 rate", "3 gradient norm", "4 accuracy", "▁"):
            assert words in text
        await press(pilot, "3")
        assert shown(app) == ["norm"]
        assert "1 loss" in screen_text(app)
        assert "3 gradient norm · mean of" in screen_text(app)
        await press(pilot, "3")
        assert "1 loss" not in screen_text(app), "the chart fills the screen"
        await press(pilot, "3")
        assert shown(app) == ["loss"]


def pictured() -> FakeSession:
    """A run that records four pictures."""
    session = running()
    names = ("layers", "path", "coverage", "memory")
    session.play(started(config={"pictures": [{"kind": name} for name in names]}), *trained(200))
    for name in names:
        bars = Bars(title=f"the {name}", labels=("a", "b"), groups=(Group(name="share", values=(1, 2)),))
        session.play(taken(name, bars, {"slope": -0.5}, step=200, epoch=4))
    return session


@pytest.mark.parametrize(
    ("size", "panes"),
    [
        ((200, 60), ["loss", "picture", "rate", "picture", "norm", "picture", "metric", "layers"]),
        ((140, 40), ["loss", "picture", "rate", "picture", "norm"]),
        ((80, 24), ["loss", "picture"]),
        ((40, 12), ["loss"]),
    ],
)
async def test_pictures_are_shown_between_the_charts(size: tuple[int, int], panes: list[str]) -> None:
    app = app_over(pictured())

    async with show(app, size) as pilot:
        await until(pilot, lambda: len(panes) < 2 or "7 the layers" in screen_text(app))
        assert sorted(shown(app)) == sorted(panes)


async def test_keys_maximize_pictures() -> None:
    app = app_over(pictured())

    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "7 the layers" in screen_text(app))
        for key, title in (("7", "7 the layers"), ("8", "8 the path"), ("9", "9 the coverage")):
            await press(pilot, key)
            assert shown(app) == ["picture"]
            assert title in screen_text(app)
        await press(pilot, "9", "9")
        assert len(shown(app)) == 2
        for title in ("7 the layers", "8 the path", "9 the coverage", "the memory"):
            await press(pilot, "0")
            assert shown(app) == ["picture"]
            assert title in screen_text(app)
        await press(pilot, "0")
        assert len(shown(app)) == 2


async def test_a_run_without_pictures_shows_a_message() -> None:
    app = app_over(running())

    async with show(app, WIDE) as pilot:
        await press(pilot, "7")
        assert "this run has no pictures" in screen_text(app)
        await press(pilot, "0")
        assert "this run records no pictures; add them to a preset" in screen_text(app)


async def test_a_picture_is_updated() -> None:
    session = pictured()
    app = app_over(session)

    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "7 the layers" in screen_text(app))
        bars = Bars(title="the next", labels=("a",), groups=(Group(name="share", values=(1,)),))
        session.play(taken("layers", bars, {}, step=250, epoch=5))
        await until(pilot, lambda: "7 the next" in screen_text(app))


def largest(app: TrainerApp) -> str:
    """Return the kind of the largest chart."""
    assert app.dashboard is not None
    charts = [chart for chart in app.dashboard.query(Chart) if chart.display]
    return max(charts, key=lambda chart: chart.size.area).kind


async def test_a_number_key_makes_a_chart_large_then_alone_then_restores_all() -> None:
    app = app_over(running())

    async with show(app, WIDE) as pilot:
        assert largest(app) == "loss"
        await press(pilot, "3")
        assert largest(app) == "norm"
        assert len(shown(app)) == 4
        await press(pilot, "2")
        assert largest(app) == "rate"
        await press(pilot, "2")
        assert shown(app) == ["rate"]
        await press(pilot, "2")
        assert (largest(app), len(shown(app))) == ("loss", 4)
        await press(pilot, "5")
        assert largest(app) == "speed", "a chart that is not shown otherwise"
        await press(pilot, "5", "escape", "escape")
        assert (largest(app), len(shown(app))) == ("loss", 4)
        await press(pilot, "1")
        assert shown(app) == ["loss"], "it is the large one already"


async def test_the_layers_page_stands_beside_the_charts() -> None:
    app = app_over(running())

    async with show(app, WIDE) as pilot:
        await press(pilot, "w")
        assert len(shown(app)) == 4
        assert "train loss" in screen_text(app), "the numbers stay too"
        assert "esc close" in screen_text(app).splitlines()[-1]
        assert "about right" not in screen_text(app)
        for word in ("second", "gradient", "update", "silent", "0.001"):
            assert word in screen_text(app)
        assert "update / weights over the steps" in screen_text(app)
        await press(pilot, "2")
        assert "gradient norm over the steps" in screen_text(app)
        assert (largest(app), len(shown(app))) == ("loss", 4), "the number chose a measure and not a chart"
        await press(pilot, "w")
        assert len(shown(app)) == 4


async def test_axis_log_and_smoothing_change_the_view_and_flash_it() -> None:
    app = app_over(running())

    async with show(app, WIDE) as pilot:
        await press(pilot, "a")
        assert view(app).axis == "epoch"
        assert "x axis: epoch" in screen_text(app)
        await press(pilot, "L")
        assert view(app).log == {"loss": True}
        assert "loss: logarithmic y axis" in screen_text(app)
        await press(pilot, "m")
        assert view(app).smoothing == 0
        assert "smoothing: off" in screen_text(app)


async def test_zoom_cursor_and_pan() -> None:
    app = app_over(running())

    async with show(app, WIDE) as pilot:
        await press(pilot, "z")
        assert view(app).span == (150, 200)
        assert "zoomed" in screen_text(app)
        await press(pilot, "shift+left")
        assert view(app).span[0] < 150
        await press(pilot, "up")
        assert view(app).span[1] - view(app).span[0] == 25
        await press(pilot, "z", "left")
        assert view(app).span is None
        assert view(app).cursor == 200
        await press(pilot, "left", "left")
        assert view(app).cursor < 200
        await until(pilot, lambda: f"at step {view(app).cursor:.0f}" in screen_text(app))
        await press(pilot, "escape")
        assert view(app).cursor is None
        await press(pilot, "shift+right")
        assert "zoom in first" in screen_text(app)


async def test_the_mouse_moves_the_cursor_and_zooms() -> None:
    app = app_over(running())

    async with show(app, WIDE) as pilot:
        chart = next(iter(pilot.app.screen.query(Chart)))
        await pilot.click(chart, offset=(30, 5))
        assert view(app).cursor is not None
        x, y = chart.region.x + 30, chart.region.y + 5
        app.post_message(MouseScrollUp(None, x, y, 0, 0, 0, False, False, False))
        await pilot.pause()
        assert view(app).span is not None


async def test_keys_visit_interventions_and_open_their_cards() -> None:
    session = running()
    by = cmd.SetLearningRate(value=0.1, by="ann@host")
    session.play(
        ev.SettingChanged(step=50, name="lr", value=0.1, previous=0.01, cause=by),
        ev.Noted(step=150, text="here it turns"),
    )

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        await press(pilot, "left_square_bracket")
        assert "note: here it turns" in screen_text(app)
        assert view(app).cursor == 150
        charts = shown(app)
        await press(pilot, "left_square_bracket")
        text = screen_text(app)
        assert view(app).cursor == 50
        for words in ("learning rate 0.1, was 0.01", "ann@host", "step 50, epoch 1.0", "train loss", "→"):
            assert words in text
        assert shown(app) == charts
        await press(pilot, "left_square_bracket")
        assert "no earlier intervention" in screen_text(app)
        await press(pilot, "right_square_bracket")
        assert view(app).cursor == 150
        await press(pilot, "escape")
        assert view(app).cursor is None
        assert "means over" not in screen_text(app)


async def test_a_finished_run_shows_a_summary_and_its_charts() -> None:
    session = running()

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        asked = cmd.SetLearningRate(factor=0.5, by="me")
        session.play(ev.SettingChanged(name="lr", value=0.005, previous=0.01, step=100, cause=asked))
        session.play(finished("early-stopped"))
        await until(pilot, lambda: "stopped early" in screen_text(app))
        for words in ("Finished: 7", "(best, epoch 4)", "runs/digits", "R more epochs", "q leave"):
            assert words in screen_text(app)
        assert len(shown(app)) == 4
        await press(pilot, "escape")
        assert "q leave" not in screen_text(app)


async def test_a_failed_start_shows_the_reason_and_the_output() -> None:
    session = FakeSession()
    session.play(
        ev.StatusChanged(status="starting", detail="building the model"),
        ev.Logged(lines=["CUDA error: out of memory"]),
        ev.RunFinished(reason="failed", detail="the model could not be built", exit_code=1),
    )

    app = app_over(session)

    async with show(app, WIDE):
        for words in ("failed", "the model could not be built", "CUDA error"):
            assert words in screen_text(app)


async def test_the_log_follows_its_end_until_the_user_scrolls() -> None:
    session = running()

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        log = pilot.app.screen.query_one(LogPane)
        session.play(ev.Logged(lines=[f"line {number}" for number in range(50)]))
        await until(pilot, lambda: "line 49" in screen_text(app))
        await press(pilot, "pageup")
        assert "line 49" not in screen_text(app)
        at = log.scroll_offset.y
        session.play(ev.Logged(lines=["and more"]), ev.Noted(text="urgent"))
        await settle(pilot)
        assert log.scroll_offset.y == at
        await press(pilot, *["pagedown"] * 12)
        session.play(ev.Noted(text="the end"))
        await until(pilot, lambda: "the end" in screen_text(app))


async def test_printed_lines_leave_interventions_in_the_log() -> None:
    session = running()
    app = app_over(session)
    async with show(app, WIDE) as pilot:
        session.play(ev.Noted(text="look here"), ev.Logged(lines=[f"line {number}" for number in range(700)]))
        await until(pilot, lambda: "line 699" in screen_text(app))
        assert "note: look here" in screen_text(app)
        await press(pilot, "pageup")
        assert "note: look here" not in screen_text(app)
        assert "line 699" not in screen_text(app)
        await press(pilot, *["pagedown"] * 4)
        await until(pilot, lambda: "line 699" in screen_text(app))
        assert "note: look here" in screen_text(app)


async def test_the_header_shows_that_saving_fails() -> None:
    session = running()
    session.play(ev.SavingFailed(what="journal", error="no space left on device"))

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        assert "not saved" in screen_text(app).splitlines()[0]
        session.play(ev.SavingFailed(what="journal"))
        await until(pilot, lambda: "not saved" not in screen_text(app).splitlines()[0])


async def test_tab_selects_the_next_run() -> None:
    session = running("set/a", "set/b", "set/c")
    session.play(finished(), run="set/b")

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        assert "set  a 1/3" in screen_text(app).splitlines()[0]
        await press(pilot, "tab")
        assert "set  b 2/3" in screen_text(app).splitlines()[0]
        assert "finished" in screen_text(app).splitlines()[0]
        await press(pilot, "tab", "tab")
        assert "set  a 1/3" in screen_text(app).splitlines()[0]
        await press(pilot, "o", "asterisk")
        assert "steering all" in screen_text(app).splitlines()[0]


async def test_a_greeting_replaces_the_states() -> None:
    session = running()

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        fresh = RunState(run="digits", status="paused")
        fresh.apply(started("Fresh"))
        session._inbox.append(Greeting((fresh,)))
        await until(pilot, lambda: "Fresh" in screen_text(app))
        assert "paused" in screen_text(app)


async def test_the_header_shows_a_partly_loaded_run() -> None:
    session = running()

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        fresh = RunState(run="digits", status="finished")
        fresh.apply(started("Fresh"))
        session._inbox.append(Greeting((fresh,), 0.42))
        await until(pilot, lambda: "coarse, 42% loaded" in screen_text(app).splitlines()[0])
        session._inbox.append(Greeting((fresh,)))
        await until(pilot, lambda: "coarse" not in screen_text(app))


async def test_the_rate_dialog_previews_what_is_typed() -> None:
    plans: list[LrPlan | None] = []

    app = app_over(running())

    async with show(app, WIDE) as pilot:
        await press(pilot, "s")
        preview = pilot.app.screen.query_one(Preview)
        draw = preview._draw

        def spying(plan: LrPlan | None, width: int, height: int) -> Any:
            plans.append(plan)
            return draw(plan, width, height)

        preview._draw = spying
        await press(pilot, "home", "down", "down", "tab", "ctrl+u", "0", "full_stop", "5")
        assert plans[-1] is not None
        assert plans[-1].scheduler.label() == "exponential gamma=0.5"
        assert plans[-1].origin == 200
        await press(pilot, "x")
        assert plans[-1] is None
        assert "! not a number: 0.5x" in screen_text(app)


async def test_each_kind_of_a_picker_keeps_its_fields() -> None:
    app = app_over(running())

    async with show(app, WIDE) as pilot:
        await press(pilot, "o", "o", "home", "tab", "ctrl+u", *"0.25", "shift+tab", "down", "up")
        assert pilot.app.screen.query_one(Form).filled.model.lr == 0.25


@pytest.mark.parametrize(
    ("word", "session", "read_only"),
    [("read only", running(), True), ("replay", running(kind="finished", can_steer=False), False)],
    ids=["read-only", "replay"],
)
async def test_the_header_shows_read_only_and_replay(word: str, session: FakeSession, read_only: bool) -> None:
    app = app_over(session, read_only=read_only)

    async with show(app, WIDE):
        assert word in screen_text(app).splitlines()[0]
        assert "pause" not in screen_text(app).splitlines()[-1]


async def test_a_host_that_cannot_start_shows_the_reason() -> None:
    session = FakeSession()
    session.drain()
    session.say("the host could not start: no space left", fatal=True)

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        assert "disconnected" in screen_text(app).splitlines()[0]
        assert "the host could not start" in screen_text(app)
        await press(pilot, "q")
    assert app.return_value is not None
    assert app.return_value.exit_code == 1


async def test_a_host_that_exits_after_the_end_is_no_error() -> None:
    session = running()
    session.play(finished())
    session.say("the host has finished", fatal=True)

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        assert "disconnected" not in screen_text(app)
        assert "the host has finished" not in screen_text(app)
        await press(pilot, "q")
    assert app.return_value is not None
    assert app.return_value.exit_code == 0


async def test_a_refusal_without_a_run_adds_no_run() -> None:
    session = running()

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        await press(pilot, "space")
        session._inbox.append(ev.Refused(reason="the host is still starting", cause=session.sent[0]))
        await until(pilot, lambda: "refused: the host is still starting" in screen_text(app))
        assert app.dashboard is not None
        assert list(app.dashboard.view_state.store.states) == ["digits"]


async def test_a_failing_action_is_reported_and_survived(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    session = running()

    def broken(command: cmd.AnyCommand) -> None:
        raise RuntimeError("the socket broke")

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        session.send = broken  # type: ignore[method-assign]
        await press(pilot, "c")
        assert "display error: RuntimeError: the socket broke" in screen_text(app)
        await press(pilot, "w")
        assert "silent" in screen_text(app)
        app.errors.clear()
    assert "the socket broke" in next(tmp_path.rglob("screen.log")).read_text()


async def test_the_palette_finds_and_performs_an_action() -> None:
    session = running()

    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "colon", *"validate", "enter")
    session.last(cmd.Evaluate)


async def test_help_shows_the_keys_of_the_user() -> None:
    app = app_over(running(), settings=Settings(keys={"pause": "f5"}))

    async with show(app, WIDE) as pilot:
        await press(pilot, "question_mark")
        assert "f5  Pause after the current batch" in screen_text(app)
