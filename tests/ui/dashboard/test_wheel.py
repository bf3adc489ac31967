"""The wheel on the screen: who has it, who is refused, and the key that takes and gives it."""

from __future__ import annotations

from tests.ui.fake_session import app_over, press, running, screen_text, settle, show
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.ui.settings import Settings

BY_BOB = cmd.TakeWheel(id="x", by="bob", actor="person")
ANN = Settings(name="ann")


async def test_a_screen_without_the_wheel_says_who_has_it_and_sends_nothing_but_take() -> None:
    session = running()
    app = app_over(session, settings=ANN)
    async with show(app, (100, 30)) as pilot:
        session.play(ev.WheelChanged(holder="bob", actor="person", cause=BY_BOB, step=200))
        await settle(pilot)
        assert "wheel: bob (person) (@)" in screen_text(app).splitlines()[0]
        assert "bob (person) took the wheel" in screen_text(app)
        await press(pilot, "minus")
        assert session.sent == []
        assert "bob (person) has the wheel; @ takes it" in screen_text(app)
        await press(pilot, "at")
        taken = session.last(cmd.TakeWheel)
        assert (taken.by, taken.actor, taken.run) == ("ann", "person", "*")
        session.play(ev.WheelChanged(holder="ann", actor="person", previous="bob (person)", cause=taken, step=200))
        await settle(pilot)
        assert "your wheel" in screen_text(app).splitlines()[0]
        await press(pilot, "minus")
        session.last(cmd.SetLearningRate)
        await press(pilot, "at")
        session.last(cmd.GiveWheel)


async def test_what_another_sender_does_is_told_once_as_it_happens() -> None:
    session = running("one", "two")
    app = app_over(session, settings=ANN)
    async with show(app, (100, 30)) as pilot:
        by_agent = cmd.SetClip(value=1.0, id="a", by="helper", actor="agent", because="norms of 40")
        change = ev.SettingChanged(name="clip_grad_norm", value=1.0, previous=0.0, step=200, cause=by_agent)
        session.play(change, run="one")
        session.play(change, run="two")
        await settle(pilot)
        shown = screen_text(app)
        assert "gradient clip 1, was off by helper (agent); because: norms of 40" in shown
        assert len(app._last_dashboard.view_state.store.states["two"].marks) == 1  # type: ignore[union-attr]


async def test_a_read_only_screen_cannot_take_it() -> None:
    session = running()
    app = app_over(session, settings=ANN, read_only=True)
    async with show(app) as pilot:
        await press(pilot, "at")
        assert session.sent == []
        assert "read only: this screen sends no commands" in screen_text(app)
