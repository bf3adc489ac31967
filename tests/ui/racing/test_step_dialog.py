"""A batch that is tried on the screen: rates, samples, and what follows from them."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from tests.ui.fake_session import FakeSession, app_over, play, press, running, screen_text, until
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.race.trial_events import Pull, RateTrial

PULLS = [
    Pull(place=3, index=133, label="cat", norm=11.4, loss=0.9),
    Pull(place=0, index=7, label="dog", norm=2, loss=1),
]


def paused() -> FakeSession:
    """A run that is paused and answers each trial."""
    session = running()
    session.play(ev.StatusChanged(status="paused", step=200))

    def reply(command: cmd.AnyCommand) -> ev.AnyEvent | None:
        command = command.model_copy(update={"by": "", "actor": ""})  # the screens of no user in particular
        if isinstance(command, cmd.StepOnce):
            return ev.StatusChanged(status="paused", step=201, cause=command)
        if not isinstance(command, cmd.TryStep):
            return None
        rates = command.rates or (0.001, 0.01, 0.1)
        trials = [RateTrial(rate=rate, predicted=-rate, measured=-rate / 2, update=rate / 10) for rate in rates]
        return ev.StepTried(
            samples=16, loss=2.5, grad_norm=4.5, lr=0.01, rates=trials, pulls=PULLS, median_pull=3.0, measured=16,
            step=200, cause=command,
        )  # fmt: skip

    session.reply = reply
    return session


async def open_trial(pilot: Pilot[Any], app: Any) -> None:
    """Open the dialog from the panel and wait for its answer."""
    await until(pilot, lambda: "paused" in screen_text(app))
    await press(pilot, "o")
    await press(pilot, "t")
    await until(pilot, lambda: "▸ 0.01 " in screen_text(app))


def test_rates_and_samples_are_shown_and_enter_sets_the_chosen_rate() -> None:
    session = paused()
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await open_trial(pilot, app)
        text = screen_text(app)
        assert "step 201: 16 samples, loss 2.5, gradient norm 4.5; every step taken back" in text
        assert " ".join(text.split("▸ 0.01")[1].splitlines()[0].split()[:4]) == "-0.01 -0.005 0.001 now"
        assert "#133 (cat)      11.4  loss 0.9" in text
        await press(pilot, "enter")
        await until(pilot, lambda: "this rate is in force" in screen_text(app))
        await press(pilot, "down")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(session.sent[-1], cmd.SetLearningRate))

    play(app, script)
    assert session.last(cmd.SetLearningRate).value == 0.1


def test_another_rate_is_tried_beside_the_others_and_a_step_tries_the_next_batch() -> None:
    session = paused()
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await open_trial(pilot, app)
        await press(pilot, "r")
        await press(pilot, *"x30", "enter")
        await until(pilot, lambda: "  0.3 " in screen_text(app))
        assert session.last(cmd.TryStep).rates == (0.001, 0.01, 0.1, 0.3)
        await press(pilot, "full_stop")
        await until(pilot, lambda: [type(each) for each in session.sent[-2:]] == [cmd.StepOnce, cmd.TryStep])
        await press(pilot, "escape")

    play(app, script)


def test_a_run_that_trains_says_to_pause_first() -> None:
    session = running()
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o")
        await press(pilot, "t")
        await until(pilot, lambda: "pause first: space" in screen_text(app))

    play(app, script)
    assert session.sent == []
