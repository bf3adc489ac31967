"""The controls of a training script in the steer panel, and keys whose command its loop cannot carry out."""

from __future__ import annotations

import pytest

from tests.ui.fake_session import FakeSession, app_over, press, running, screen_text, settle, show, until
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.components.schedulers.script import ScriptSchedule
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.knobs import Knob
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import BY_ID
from tui_trainer.ui.availability import ActionContext, disabled_reason
from tui_trainer.ui.dashboard.footer import Footer
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.steering.script_controls import typed_value

ENTROPY = Knob(name="entropy", value=0.01, low=1e-4, high=1, scale="log", unit="nats")
MODE = Knob(name="mode", value="greedy", choices=("greedy", "soft"))
NOISY = Knob(name="noisy", value=True)


def of_a_script(**refused: str) -> FakeSession:
    """Return a session whose run a script made."""
    session = running()
    plan = LrPlan.begin(ScriptSchedule(), 0.01, step=0, end=500, steps_per_epoch=50)
    session.play(
        ev.SchedulerChanged(plan=plan, lr=0.01, step=200),
        ev.Capabilities(knobs=(ENTROPY, MODE, NOISY), actions=("sample",), refused=refused, step=200),
    )
    return session


@pytest.mark.parametrize(
    ("knob", "text", "value"),
    [
        (ENTROPY, "0.5", 0.5),
        (ENTROPY, "x10", 0.1),
        (ENTROPY, "/10", 0.001),
        (MODE, "soft", "soft"),
        (NOISY, "off", False),
    ],
)
def test_a_typed_value(knob: Knob, text: str, value: object) -> None:
    assert typed_value(knob, text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("knob", "text", "message"),
    [
        (ENTROPY, "2", "at most 1"),
        (ENTROPY, "nan", "not a finite number"),
        (ENTROPY, "much", "not a number"),
        (MODE, "random", "choose greedy, soft"),
        (NOISY, "perhaps", "on or off"),
        (Knob(name="n", value=3, whole=True), "2.5", "whole number"),
    ],
)
def test_a_value_that_is_not_allowed_says_what_is(knob: Knob, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        typed_value(knob, text)


async def test_the_panel_shows_the_controls_and_sends_their_commands() -> None:
    session = of_a_script()
    app = app_over(session)
    async with show(app, (100, 40)) as pilot:
        await press(pilot, "o")
        await settle(pilot)
        text = screen_text(app)
        assert "entropy" in text
        assert "0.01 nats  (at least 0.0001 and at most 1)" in text
        assert "greedy  (greedy, soft)" in text
        await press(pilot, *["up"] * 5, "enter")
        await press(pilot, *"0.2", "enter")
        sent = session.last(cmd.SetKnob)
        assert (sent.name, sent.value) == ("entropy", 0.2)
        session.play(ev.KnobChanged(name="entropy", value=0.2, previous=0.01, unit="nats", step=201, cause=sent))
        await press(pilot, "o")
        await settle(pilot)
        assert "0.2 nats" in screen_text(app)
        await press(pilot, *["up"] * 3, "enter")
        assert session.last(cmd.SetKnob).value is False
        await press(pilot, "o", *["up"] * 2, "enter")
        assert session.last(cmd.RunAction).name == "sample"


async def test_the_panel_says_at_which_norm_a_script_clips_and_whether_it_is_its_own() -> None:
    session = of_a_script()
    app = app_over(session)
    async with show(app, (100, 40)) as pilot:
        await press(pilot, "o")
        await settle(pilot)
        assert "gradient clip   off" in screen_text(app)
        session.play(ev.Capabilities(clip=1.5, script_clip=1.5, step=201))
        await until(pilot, lambda: "gradient clip   1.5  (by the script)" in screen_text(app))
        change = ev.SettingChanged(name="clip_grad_norm", value=0.5, previous=1.5, step=202)
        session.play(change, ev.Capabilities(clip=1.5, script_clip=1.5, knobs=(ENTROPY,), step=202))
        await until(pilot, lambda: "gradient clip   0.5  (the script gives 1.5)" in screen_text(app))
        session.play(change.model_copy(update={"value": 0.0, "previous": 0.5, "step": 203}))
        await until(pilot, lambda: "gradient clip   off  (the script gives 1.5)" in screen_text(app))


async def test_an_open_panel_takes_in_that_the_script_has_declared_a_knob() -> None:
    session = running()
    app = app_over(session)
    async with show(app, (100, 40)) as pilot:
        await press(pilot, "o", "down", "down")
        await settle(pilot)
        assert "entropy" not in screen_text(app)
        chosen = app.screen.query_one(Picker).highlighted_option
        session.play(ev.Capabilities(knobs=(ENTROPY,), step=200))
        await until(pilot, lambda: "0.01 nats" in screen_text(app))
        after = app.screen.query_one(Picker).highlighted_option
        assert chosen is not None
        assert after is not None
        assert after.id == chosen.id


async def test_a_key_gives_the_reason_before_anything_is_sent() -> None:
    session = of_a_script(SetLearningRate="no optimizer was handed to Monitor", SaveCheckpoint="no model")
    app = app_over(session)
    async with show(app, (100, 40)) as pilot:
        await press(pilot, "plus")
        await settle(pilot)
        assert app.dashboard is not None
        assert "no optimizer was handed to Monitor" in app.dashboard.query_one(Footer).message
        await press(pilot, "c")
        assert not session.sent
        await press(pilot, "o")
        await settle(pilot)
        assert "no optimizer was handed to Monitor" in screen_text(app)


async def test_the_panel_has_the_rate_of_each_of_several_optimizers() -> None:
    session = of_a_script()
    session.play(
        ev.Scalars(step=201, steps=[201], seconds=[9.0], values={"lr/gen": [0.01], "lr/disc": [0.04]}),
        ev.Capabilities(scales={"gen": 1.0, "disc": 1.0}, step=201),
    )
    app = app_over(session)
    async with show(app, (100, 40)) as pilot:
        await press(pilot, "o")
        await settle(pilot)
        assert "rate disc       0.04" in screen_text(app)
        await press(pilot, *["up"] * 2, "enter")
        await press(pilot, *"/4", "enter")
        sent = session.last(cmd.SetLearningRate)
        assert (sent.optimizer, sent.factor) == ("disc", 0.25)


async def test_the_panel_has_the_knobs_of_the_built_in_loop_and_the_reason_where_there_is_none() -> None:
    session = running()
    knobs = (
        Knob(name="weight_decay", value=0.01, low=0.0),
        Knob(name="dropout", value=0.0, low=0.0, high=1.0, refused="this model has no dropout layer"),
        Knob(name="clip", value=0.0, low=0.0),
        Knob(name="batch_size", value=16, low=1, high=1438, unit="samples", whole=True),
    )
    session.play(ev.Capabilities(built_in=True, knobs=knobs, step=200))
    app = app_over(session)
    async with show(app, (100, 40)) as pilot:
        await press(pilot, "o")
        await settle(pilot)
        text = screen_text(app)
        assert "weight_decay    0.01  (at least 0)" in text
        assert "dropout         this model has no dropout layer" in text
        assert "own rate" not in text
        assert text.count(" clip ") == 1  # the row with the letter g
        await press(pilot, *["up"] * 2, "enter")
        await settle(pilot)
        assert "dropout: this model has no dropout layer" in screen_text(app)
        await press(pilot, "down", "enter")
        await press(pilot, *"x4", "enter")
        sent = session.last(cmd.SetKnob)
        assert (sent.name, sent.value) == ("batch_size", 64)
        session.play(
            ev.KnobChanged(name="batch_size", value=64, previous=16, detail="from epoch 3 on", step=201, cause=sent),
        )
        await settle(pilot)
        assert "from epoch 3 on" in screen_text(app)


def test_a_run_that_a_script_made_is_started_again_and_not_resumed() -> None:
    state = RunState(run="r")
    state.apply(ev.RunStarted())
    state.apply(ev.StatusChanged(status="running"))
    state.apply(ev.Capabilities(step=0))
    for action in ("anew", "resume_run"):
        reason = disabled_reason(BY_ID[action], ActionContext(state, 1, gone=True))
        assert reason == "a script made this run: start the script again"
