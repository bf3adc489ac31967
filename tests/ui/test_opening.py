"""Opening a session after the first frame: the splash screen, errors, and ctrl+c meanwhile."""

from __future__ import annotations

import asyncio
import threading

from tests.ui.fake_session import FakeSession, app_over, press, running, screen_text, until
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.session.base import Session


class SlowOpening:
    """Opens a session once `release` is set, in the thread of the app's background call."""

    def __init__(self, session: FakeSession) -> None:
        self.session = session
        self.called, self.release = threading.Event(), threading.Event()

    def __call__(self) -> Session:
        self.called.set()
        assert self.release.wait(120)
        return self.session


async def test_the_splash_screen_shows_until_the_session_is_open() -> None:
    opening = SlowOpening(running())
    app = app_over(opening)

    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, opening.called.is_set)
        assert "opening ..." in screen_text(app)
        opening.release.set()
        await until(pilot, lambda: "epoch 4/10" in screen_text(app))


async def test_a_user_error_closes_the_app_with_its_exit_code() -> None:
    def open_session() -> Session:
        raise UserError("preset 'x': no such key")

    app = app_over(open_session)

    async with app.run_test(size=(80, 24)) as pilot:
        async with asyncio.timeout(60):
            while app.return_value is None:
                await pilot.pause()

    assert app.return_value is not None
    assert app.return_value.exit_code == 2
    assert str(app.return_value.refused) == "preset 'x': no such key"


async def test_keys_pressed_over_the_splash_screen_act_on_the_run() -> None:
    session = running()
    opening = SlowOpening(session)
    app = app_over(opening)

    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, opening.called.is_set)
        await press(pilot, "o", "r", *"0.02", "enter", "space")
        opening.release.set()
        await until(pilot, lambda: len(session.sent) == 2)
    rate, pause = session.sent
    assert isinstance(rate, cmd.SetLearningRate)
    assert rate.value == 0.02
    assert isinstance(pause, cmd.Pause)


async def test_ctrl_c_while_opening_asks_once_the_session_is_open() -> None:
    opening = SlowOpening(running())
    app = app_over(opening)

    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, opening.called.is_set)
        await press(pilot, "ctrl+c")
        opening.release.set()
        await until(pilot, lambda: "Leave it training" in screen_text(app))


async def test_a_second_ctrl_c_while_opening_leaves_at_once() -> None:
    opening = SlowOpening(running())
    app = app_over(opening)

    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, opening.called.is_set)
        await press(pilot, "ctrl+c", "ctrl+c")
        assert not app.is_running or app.return_value is not None

    opening.release.set()
    assert app.return_value is not None
    assert app.return_value.exit_code == 0
