"""A race on the screen: the form, the price, the curves, the results, and the choice."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import FakeSession, app_over, play, press, running, screen_text, until
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.race.race_events import RaceLane
from tui_trainer.state.branching.branches import Branch, Ghost
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.charts.model import Curve
from tui_trainer.ui.racing.chart import race_chart, trailing_means

SETTINGS = ("unchanged", "lr=x3")
LANES = [
    RaceLane(settings="unchanged", steps=4, loss=1.25, metrics={"val_loss": 1.5}),
    RaceLane(settings="lr=x3", steps=4, loss=0.75, metrics={"val_loss": 0.5}),
]
PRICE = ev.Raced(steps=4, seconds=9.0, bytes=3_000_000, priced=True, lanes=LANES)
OUTCOME = ev.Raced(steps=4, seconds=8.0, bytes=3_000_000, lanes=LANES, best=2)


def racing(outcome: ev.Raced = OUTCOME) -> FakeSession:
    """A run that answers prices, races and decisions."""
    session = running()

    def reply(command: cmd.AnyCommand) -> ev.AnyEvent | None:
        command = command.model_copy(update={"by": "", "actor": ""})  # the screens of no user in particular
        match command:
            case cmd.Race(price=True):
                return PRICE.model_copy(update={"cause": command})
            case cmd.Race():
                for lane, losses in ((1, [2.0, 1.0, 1.5, 1.0]), (2, [1.0, 1.0, 0.5, 0.5])):
                    session.play(
                        ev.RaceAdvanced(
                            race=command.id, lane=lane, settings=SETTINGS[lane - 1], first=201, losses=losses, step=200
                        )
                    )
                return outcome.model_copy(update={"cause": command, "step": 200})
            case cmd.TakeRace():
                return ev.RaceDecided(step=200, cause=command)
            case _:
                return None

    session.reply = reply
    return session


async def enter_race(pilot: Pilot[Any], app: TrainerApp) -> None:
    """Type settings, read the price, and race."""
    await press(pilot, "o")
    await press(pilot, "F")
    await until(pilot, lambda: "such as lr=x3" in screen_text(app))
    await press(pilot, *"lr=x3", "enter")
    await until(pilot, lambda: "2 x 4 steps, about 9.0 s, copies of 3.0 MB" in screen_text(app))
    await press(pilot, "enter")


@pytest.mark.parametrize(("key", "lane"), [("1", 1), ("enter", 2), ("n", 0), ("escape", 0)])
def test_the_price_is_said_first_and_a_key_decides(key: str, lane: int) -> None:
    session = racing()
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await enter_race(pilot, app)
        await until(pilot, lambda: "*2  loss 0.75, val_loss 0.5  lr=x3" in screen_text(app))
        assert " 1  loss 1.25, val_loss 1.5  unchanged" in screen_text(app)
        await press(pilot, key)
        await until(pilot, lambda: isinstance(session.sent[-1], cmd.TakeRace))

    play(app, script)
    asked, race = [command for command in session.sent if isinstance(command, cmd.Race)]
    assert (asked.price, race.price, race.settings, race.steps) == (True, False, SETTINGS, 50)
    assert session.last(cmd.TakeRace).lane == lane


def test_a_mistake_is_said_in_the_form_and_nothing_is_sent() -> None:
    session = racing()
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o")
        await press(pilot, "F")
        await until(pilot, lambda: "such as lr=x3" in screen_text(app))
        await press(pilot, *"lr=fast", "enter")
        await until(pilot, lambda: "lr: must be a number" in screen_text(app))

    play(app, script)
    assert session.sent == []


def test_a_setting_that_diverged_cannot_be_taken_and_a_refusal_is_said_with_its_reason() -> None:
    broken = [LANES[0], RaceLane(settings="lr=x3", steps=2, broke="its loss was not finite at step 3")]
    session = racing(OUTCOME.model_copy(update={"lanes": broken, "best": 1}))
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await enter_race(pilot, app)
        await until(pilot, lambda: "its loss was not finite" in screen_text(app))
        await press(pilot, "2")
        await until(pilot, lambda: "2 cannot be taken" in screen_text(app))
        session.reply = lambda command: ev.Refused(reason="the run is stopping", cause=command)
        await press(pilot, "r")
        await until(pilot, lambda: "say the price" in screen_text(app))
        await press(pilot, "enter")
        await until(pilot, lambda: "the run is stopping" in screen_text(app))

    play(app, script)
    assert not any(isinstance(command, cmd.TakeRace) for command in session.sent)


def test_the_results_are_opened_again_and_another_setting_is_taken_later() -> None:
    session = racing()
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await enter_race(pilot, app)
        await until(pilot, lambda: "*2  loss" in screen_text(app))
        await press(pilot, "n")
        await until(pilot, lambda: isinstance(session.sent[-1], cmd.TakeRace))
        await press(pilot, "o")
        await press(pilot, "F")
        await until(pilot, lambda: "none was taken" in screen_text(app))
        await press(pilot, "1")
        await until(pilot, lambda: len([each for each in session.sent if isinstance(each, cmd.TakeRace)]) == 2)

    play(app, script)
    assert session.last(cmd.TakeRace).lane == 1


def test_escape_cancels_a_race_that_goes_on() -> None:
    session = racing()
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        answer = session.reply
        assert answer is not None
        session.reply = lambda command: None if command.type == "Race" and not command.price else answer(command)
        await enter_race(pilot, app)
        await until(pilot, lambda: "racing 2 x 50 steps" in screen_text(app))
        await press(pilot, "escape")
        await until(pilot, lambda: isinstance(session.sent[-1], cmd.TakeRace))

    play(app, script)
    assert session.last(cmd.TakeRace).lane == 0


def test_the_curves_are_averaged_over_an_eighth_and_named_by_number_and_settings() -> None:
    def lane(number: int, values: list[float]) -> Branch:
        curve = Ghost(name="train_loss", steps=list(range(11, 27)), values=values)
        return Branch(
            id=f"race/{number}", what=f"{number} lr=0.{number}", left_by="race", start=10, end=26,
            curves={"train_loss": curve},
        )  # fmt: skip

    lanes = [lane(1, [1.0, 3.0] * 8), lane(3, [2.0] * 16)]
    chart = race_chart(lanes, 16, 80, 18)
    first, second = (layer for layer in chart.layers if isinstance(layer, Curve))
    assert first.high == (1.0, *[2.0] * 15)
    assert (first.role, second.role) == ("run1-front", "run3-front")
    assert [entry.text for entry in chart.legend] == ["1 lr=0.1 2", "3 lr=0.3 2"]
    assert (chart.x.low, chart.x.high) == (10, 26)
    assert trailing_means([4.0, 2.0, 0.0], 2) == (4.0, 3.0, 1.0)
