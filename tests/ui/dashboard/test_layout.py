"""The header, the footer with its messages, the log, and the pages: the parts around the charts."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import (
    FakeSession,
    app_over,
    finished,
    not_today,
    press,
    running,
    screen_text,
    settle,
    show,
    started,
    trained,
    until,
)
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.dashboard.footer import Footer
from tui_trainer.ui.screens.dialogs.confirm import Confirm

WIDE = (140, 40)


def top(app: TrainerApp) -> str:
    return screen_text(app).splitlines()[0]


def keys_line(app: TrainerApp) -> str:
    return screen_text(app).splitlines()[-1]


async def click_hint(pilot: Pilot[Any], app: TrainerApp, hint: str) -> None:
    """Click a hint in the footer."""
    footer = app.screen.query_one(Footer)
    lines = screen_text(app).splitlines()[-footer.size.height :]
    y = next(index for index, line in enumerate(lines) if hint in line)
    await pilot.click(footer, offset=(lines[y].index(hint) + 1, y))
    await settle(pilot)


def halved(command: cmd.AnyCommand) -> ev.AnyEvent | None:
    """Answer a change of the rate as a host does."""
    if isinstance(command, cmd.SetLearningRate):
        return ev.SettingChanged(step=200, name="lr", value=0.003, previous=0.006, cause=command)
    return not_today(command)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=["80x24", "140x40"])
async def test_the_header_keeps_its_order(size: tuple[int, int]) -> None:
    session = running("2026-11-28_192857_digits-mlp_8330")
    session.play(started(device="cpu"), *trained(200))
    app = app_over(session)

    async with show(app, size) as pilot:
        for status in ("running", "paused", "running"):
            session.play(ev.StatusChanged(status=status))
            await settle(pilot)
            line = top(app)
            words = [word for word in ("digits-mlp 8330", "4/10", "━", "40 %", "left", "cpu") if word in line]
            assert words[:4] == ["digits-mlp 8330", "4/10", "━", "40 %"]
            assert [line.index(word) for word in words] == sorted(line.index(word) for word in words)
            assert len(line) <= size[0]


async def test_the_bar_and_the_time_are_those_of_the_set() -> None:
    session = FakeSession("set/a", "set/b")
    session.play(started(), ev.StatusChanged(status="running"), *trained(400), run="set/a")
    app = app_over(session)

    async with show(app, WIDE) as pilot:
        await settle(pilot)
        assert "40 %  of 2 runs" in top(app), "the second run has not begun"
        assert "about 6.0 s left" in top(app)
        session.play(finished(), run="set/a")
        session.play(started(), ev.StatusChanged(status="running"), *trained(250), run="set/b")
        await settle(pilot)
        assert "75 %  of 2 runs, 1 done" in top(app)


async def test_a_message_stands_above_the_keys_with_the_key_that_undoes_it() -> None:
    session = running()
    session.reply = halved
    app = app_over(session)

    async with show(app, (80, 24)) as pilot:
        keys = keys_line(app)
        await press(pilot, "minus")
        await settle(pilot)
        assert "learning rate 0.003, was 0.006   u undo" in screen_text(app).splitlines()[-2]
        assert keys_line(app) == keys, "the keys stay"


async def test_a_small_screen_shows_a_message_in_the_last_line_of_numbers() -> None:
    app = app_over(running())

    async with show(app, (40, 12)) as pilot:
        keys = keys_line(app)
        await press(pilot, "tab")
        assert "there is only one run" in screen_text(app)
        assert keys_line(app) == keys
        app.screen.query_one(Footer)._until = 0.0
        await until(pilot, lambda: "val acc" in screen_text(app))


async def test_a_click_on_a_hint_equals_its_key() -> None:
    session = running()
    session.reply = not_today
    app = app_over(session)

    async with show(app, WIDE) as pilot:
        await click_hint(pilot, app, "space pause")
        session.last(cmd.Pause)
        await pilot.click(Footer, offset=(139, 1))
        assert len(session.sent) == 1, "beside the hints nothing happens"
        await click_hint(pilot, app, "q quit")
        assert isinstance(app.screen, Confirm), "with the same question"
        await press(pilot, "escape")


async def test_the_undo_beside_a_message_can_be_clicked() -> None:
    session = running()
    session.reply = halved
    app = app_over(session)

    async with show(app, WIDE) as pilot:
        await press(pilot, "minus")
        await settle(pilot)
        await click_hint(pilot, app, "u undo")
        session.last(cmd.Undo)


async def test_the_footer_shows_only_keys_that_work() -> None:
    session = running()
    app = app_over(session)

    async with show(app, WIDE) as pilot:
        assert "esc close" not in keys_line(app)
        await press(pilot, "w")
        assert keys_line(app).strip().startswith("esc close")
        await press(pilot, "w")
        session.play(finished())
        await until(pilot, lambda: "finished" in top(app))
        for hint in ("pause", "schedule", "rate", "save"):
            assert hint not in keys_line(app)


async def test_the_log_hides_epochs_and_saves_until_asked() -> None:
    session = running()
    app = app_over(session)

    async with show(app, WIDE) as pilot:
        assert app.dashboard is not None
        user = app.dashboard.view_state.store.user
        mine, hers = cmd.SetLearningRate(factor=0.5, by=user), cmd.SetLearningRate(value=0.4, by="ann@host")
        session.play(ev.SettingChanged(name="lr", value=0.1, previous=0.2, step=200, cause=mine))
        session.play(ev.SettingChanged(name="lr", value=0.4, previous=0.1, step=200, cause=hers))
        session.play(ev.CheckpointSaved(name="mine", epoch=4, cause=cmd.SaveCheckpoint(by=user)))
        await settle(pilot)
        text = screen_text(app)
        assert "epochs and saves hidden (f shows)" in text
        assert "checkpoint best" not in text
        assert "train_loss" not in text
        assert "saved checkpoint mine" in text, "a save by hand is an intervention"
        assert "learning rate 0.1, was 0.2\n" in "\n".join(line.split("  ")[0] + "\n" for line in text.splitlines())
        assert user not in text
        assert "learning rate 0.4, was 0.1 (ann@host)" in text
        await press(pilot, "f")
        assert "checkpoint best" in screen_text(app)
        assert "epoch  4/10  train_loss" in screen_text(app)
        await press(pilot, "escape")
        assert "checkpoint best" not in screen_text(app)


@pytest.mark.parametrize("key", ["w", "i", "r", "f"])
@pytest.mark.parametrize("size", [(140, 40), (100, 30), (80, 24), (40, 12)], ids=["140x40", "100x30", "80x24", "40x12"])
async def test_every_page_keeps_a_chart_and_closes_with_escape(key: str, size: tuple[int, int]) -> None:
    app = app_over(running("set/a", "set/b"))

    async with show(app, size) as pilot:
        before = screen_text(app)
        await press(pilot, key)
        assert screen_text(app) != before
        assert "1 loss" in screen_text(app)
        assert "esc close" in keys_line(app)
        await press(pilot, "escape")
        assert screen_text(app) == before


async def test_the_charts_mark_what_an_open_page_speaks_of() -> None:
    session = running()
    session.play(ev.Diagnosed(finding="LR_HIGH", epoch=3, step=150, evidence="e", advice="a"))
    session.play(ev.Noted(step=100, text="here", cause=cmd.Note(text="here")))
    app = app_over(session)

    async with show(app, WIDE) as pilot:
        assert app.dashboard is not None
        state = app.dashboard.view_state
        assert state.view.shaded == ()
        await press(pilot, "i")
        ((first, last),) = state.view.shaded
        assert 0 <= first < last == 200, "the steps of the finding"
        await press(pilot, "i", "left_square_bracket")
        assert state.view.shaded == ((85.0, 115.0),), "the steps that the card compares"
        await press(pilot, "escape")
        assert state.view.shaded == ()


async def test_a_dead_host_withdraws_the_question_whether_to_stop() -> None:
    session = running()
    app = app_over(session)

    async with show(app, WIDE) as pilot:
        await press(pilot, "q")
        assert isinstance(app.screen, Confirm)
        session.say("the host was killed (SIGKILL)", fatal=True, folders=("runs/digits",))
        await until(pilot, lambda: not isinstance(app.screen, Confirm))
        text = screen_text(app)
        assert "✖ not running" in top(app)
        assert "last heard just now" in top(app)
        assert "not running: the host was killed (SIGKILL); R resumes from epoch 4" in text
        assert "R resume" in keys_line(app)
        assert "left" not in top(app)
        await press(pilot, "q")
    assert session.sent == []
    assert app.return_value is not None
    assert "its host died at step 200; resume with: tui-trainer resume digits" in app.return_value.message
