"""Every key sends its command, or shows the reason why not."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import (
    FakeSession,
    app_over,
    finished,
    play,
    press,
    running,
    screen_text,
    settle,
    show,
    started,
    until,
)
from tui_trainer.components.schedulers.builtin import Exponential
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.ui.actions import ACTIONS
from tui_trainer.ui.dashboard.footer import Footer
from tui_trainer.ui.screens.steer import SteerPanel
from tui_trainer.ui.settings import Settings
from tui_trainer.ui.terminal.key_names import key_name

Pressed = tuple[str, ...]


def pressed(session: FakeSession, *keys: str, **options: Any) -> str:
    """Press keys in the dashboard of a session, and return the message in the footer."""
    seen: list[str] = []

    app = app_over(session, **options)

    async def script(pilot: Pilot[Any]) -> None:
        for key in keys:
            await press(pilot, key)
        await settle(pilot)
        dashboard = app.dashboard
        seen.append(dashboard.query_one(Footer).message if dashboard is not None else "")

    play(app, script)
    return seen[0]


SIMPLE: list[tuple[Pressed, cmd.Command]] = [
    (("space",), cmd.Pause()),
    (("full_stop",), cmd.StepOnce()),
    (("u",), cmd.Undo()),
    (("plus",), cmd.SetLearningRate(factor=2.0)),
    (("equals_sign",), cmd.SetLearningRate(factor=2.0)),
    (("minus",), cmd.SetLearningRate(factor=0.5)),
    (("c",), cmd.SaveCheckpoint()),
    (("e", "enter"), cmd.Stop(when="epoch", restore_best=True)),
    (("e", "e"), cmd.Stop(when="epoch", restore_best=True)),
    (("e", "down", "enter"), cmd.Stop(when="batch")),
    (("o", "u"), cmd.Undo()),
    (("o", "d"), cmd.SetLearningRate(factor=0.1)),
    (("o", "x", "enter"), cmd.Stop(when="batch")),
    (("o", "b", "b"), cmd.RollBack(to="best")),
    (("o", "v"), cmd.Evaluate()),
    (("o", "r", *"0.02", "enter"), cmd.SetLearningRate(value=0.02)),
    (("o", "r", *"x2", "enter"), cmd.SetLearningRate(factor=2.0)),
    (("o", "r", "slash", *"10", "enter"), cmd.SetLearningRate(factor=0.1)),
    (("o", "r", "x", "2", "tab", *"slow", "enter"), cmd.SetLearningRate(factor=2.0, because="slow")),
    (("o", "g", *"1.5", "enter"), cmd.SetClip(value=1.5)),
    (("o", "E", *"25", "enter"), cmd.SetEpochs(value=25)),
    (("o", "E", "plus", *"5", "enter"), cmd.SetEpochs(add=5)),
    (("o", "E", "minus", *"2", "enter"), cmd.SetEpochs(add=-2)),
    (("o", "n", *"hello", "enter"), cmd.Note(text="hello")),
    (("o", "p", "down", "end", "ctrl+u", *"9", "enter"), cmd.SetPatience(patience=9)),
    (("o", "p", "space", "down", "enter"), cmd.SetPatience(enabled=False)),
]


async def test_each_key_sends_its_command() -> None:
    session = running()

    app = app_over(session)

    async with show(app) as pilot:
        for keys, command in SIMPLE:
            session.sent.clear()
            await press(pilot, *keys)
            plain = [sent.model_copy(update={"id": "", "by": "", "actor": "", "run": "*"}) for sent in session.sent]
            assert plain == [command], f"{keys}: {screen_text(app)}"


def test_a_command_names_its_sender_and_run() -> None:
    session = running()
    pressed(session, "minus", "minus")
    first, second = session.sent
    assert first.run == "digits"
    assert "@" in first.by
    assert first.actor == "person"
    assert first.id
    assert first.id != second.id


def test_space_resumes_a_paused_run() -> None:
    session = running()
    session.play(ev.StatusChanged(status="paused"))
    pressed(session, "space")
    session.last(cmd.Resume)


def test_the_schedule_picker_sends_what_the_form_holds() -> None:
    session = running()
    pressed(session, "s", "home", "down", "down", "tab", "ctrl+u", *"0.5", "enter")
    assert session.last(cmd.SetScheduler).scheduler == Exponential(gamma=0.5)
    assert session.last(cmd.SetScheduler).base is None


def test_the_schedule_picker_takes_an_initial_rate() -> None:
    session = running()
    pressed(session, "s", "shift+tab", *"0.3", "enter")
    assert session.last(cmd.SetScheduler).base == 0.3


def test_the_optimizer_picker_sends_what_the_form_holds() -> None:
    session = running()
    pressed(session, "o", "o", "home", "tab", "ctrl+u", *"0.1", "down", "ctrl+u", *"0.9", "enter")
    optimizer = session.last(cmd.SetOptimizer).optimizer
    assert (optimizer.kind, optimizer.lr, getattr(optimizer, "momentum", None)) == ("sgd", 0.1, 0.9)


async def test_enter_without_a_change_sends_nothing_and_says_so() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        for keys in ("s", "oo", "or", "og", "oE", "op"):
            await press(pilot, *keys, "enter")
            assert "nothing changed" in screen_text(app), keys
            assert app.screen is app.dashboard, keys
        await press(pilot, *"oo", "tab", "down", "down", "down", "down", "space", "enter")
        command = session.last(cmd.SetOptimizer)
    assert len(session.sent) == 1
    assert command.named == ("amsgrad",)


async def test_a_form_shows_the_difference_and_asks_once_about_a_large_factor() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, *"or", "5", "0", "0", "0")
        assert "rate 0.006545 → 5000" in screen_text(app)
        await press(pilot, "enter")
        assert "760,000 times" in screen_text(app)
        assert session.sent == []
        await press(pilot, "backspace", "enter")
        assert session.sent == []  # the text has changed: asked again
        # The schedule goes on meanwhile, and with it the factor in the question: that asks nothing new.
        session.play(ev.Scalars(step=201, steps=[201], seconds=[2.01], values={"lr": [0.0065]}))
        await settle(pilot)
        await press(pilot, "enter")
        assert session.last(cmd.SetLearningRate).value == 500
        await press(pilot, *"oo", "down", "enter")
        assert session.last(cmd.SetOptimizer).optimizer.kind == "adamw"


async def test_a_stop_asks_when_then_whether_to_hurry_then_whether_to_save() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "e")
        assert "On disk then:" in screen_text(app)
        await press(pilot, "down", "tab", *"enough", "enter")
        assert session.last(cmd.Stop) == cmd.Stop(
            because="enough", id=session.sent[0].id, by=session.sent[0].by, actor="person", run="digits"
        )
        session.play(ev.StatusChanged(status="stopping", detail="after this batch", cause=session.sent[0]))
        await settle(pilot)
        await press(pilot, "e", "enter")
        assert len(session.sent) == 1, "the first answer is to wait"
        await press(pilot, "e", "n")
        assert session.last(cmd.Stop).when == "now"
        assert session.last(cmd.Stop).save
        await press(pilot, "e", "enter", "e", "x")
        assert not session.last(cmd.Stop).save
    assert len(session.sent) == 3


async def test_plus_asks_beyond_a_factor_of_100_in_all() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, *["plus"] * 6)
        assert len(session.sent) == 6
        await press(pilot, "plus")
        assert "beyond a factor of 100" in screen_text(app)
        await press(pilot, "escape", "minus")
        assert len(session.sent) == 7
        await press(pilot, "plus", "plus", "y")
        assert len(session.sent) == 9


async def test_escape_and_wrong_numbers_send_nothing() -> None:
    session = running()

    app = app_over(session)

    async with show(app) as pilot:
        for keys in ("s", "q", "oo", "or", "og", "oE", "op", "on", "ob", "e"):
            await press(pilot, *keys, "7", "escape")
            assert app.screen is app.dashboard, keys
        for key, text in [("r", "-1"), ("r", "nan"), ("r", "x0"), ("g", "-2"), ("E", "0"), ("E", "1e9"), ("E", "4")]:
            await press(pilot, "o", key, *("minus" if character == "-" else character for character in text), "enter")
            assert "! " in screen_text(app), (key, text)
            await press(pilot, "escape")
    assert session.sent == []


def test_a_field_out_of_bounds_is_not_sent() -> None:
    session = running()
    pressed(session, "s", "home", "down", "down", "tab", "ctrl+u", *"7", "enter")
    assert session.sent == []


STEERING = [action.id for action in ACTIONS if "steer" in action.needs and action.keys]


def refusals(session: FakeSession, **options: Any) -> set[str]:
    """Return the messages after each key that steers."""
    said: set[str] = set()

    app = app_over(session, **options)

    async def script(pilot: Pilot[Any]) -> None:
        for action in ACTIONS:
            if action.id in STEERING:
                await press(pilot, action.keys[0])
                assert app.dashboard is not None
                said.add(app.dashboard.query_one(Footer).message)

    play(app, script)
    assert session.sent == []
    return said


def test_a_read_only_screen_says_so_and_sends_nothing() -> None:
    assert refusals(running(), read_only=True) == {"read only: this screen sends no commands"}


def test_a_run_that_is_over_is_not_steered() -> None:
    session = running()
    session.play(finished())
    assert refusals(session) == {"the run is over"}


def panel_text(session: FakeSession, *keys: str, size: tuple[int, int] = (100, 30)) -> str:
    """Return the screen after some keys in the steer panel."""
    seen: list[str] = []

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o", *keys)
        seen.append(screen_text(app))

    app = app_over(session)
    play(app, script, size)
    return seen[0]


def test_the_panel_of_a_run_that_is_over_says_so_once_and_offers_to_train_again() -> None:
    session = running()
    session.play(finished())
    text = panel_text(session, "r")
    assert text.count("the run is over") == 2  # above the rows, and for the letter that was pressed
    assert "learning rate: the run is over" in text
    assert "train again" in text
    assert session.sent == []


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (40, 12)])
def test_the_panel_shows_every_control_with_its_value_and_letter(size: tuple[int, int]) -> None:
    session = running()
    text = panel_text(session, size=size)
    values = {"learning rate": "0.00655", "rate x2": "0.0131", "rate ÷10": "0.000655"}
    for name, value in values.items():
        assert f"{name:<15} {value}" in text
    if size[1] > 12:
        for word in ("0 of 5 epochs", "4 of 10 done", "best: epoch 4", "gradient clip   off"):
            assert word in text
        text += panel_text(running(), "shift+tab", size=size)  # the last row, to which a short panel scrolls
        assert "there is only one run" in text
        for action in ACTIONS:
            assert not action.letter or f" {action.letter}  {action.label}" in text, action.id
    assert session.sent == []


async def test_the_panel_follows_the_run_while_it_is_open() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "o")
        session.play(ev.SettingChanged(step=200, name="clip_grad_norm", value=2.5, previous=0))
        await until(pilot, lambda: "gradient clip   2.5" in screen_text(app))


def test_an_unavailable_action_shows_the_reason() -> None:
    fresh = FakeSession()
    fresh.play(started(), ev.StatusChanged(status="running"))
    assert "no best checkpoint yet" in panel_text(fresh, "b")
    assert pressed(running(), "right_square_bracket") == "no intervention yet"
    assert pressed(running(), "tab") == "there is only one run"
    assert pressed(FakeSession(), "space") == "the run is still starting"
    assert pressed(running(kind="in-process"), "d").startswith("the run trains in this process")
    assert pressed(running(kind="finished", can_steer=False), "space") == "this run is not training"


async def test_enter_behind_a_letter_that_is_refused_chooses_no_other_control() -> None:
    session = FakeSession()
    session.play(ev.StatusChanged(status="starting", detail="importing torch"))
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "o", "r", "5", "enter", "enter")
        assert isinstance(app.screen, SteerPanel)
        assert "learning rate: the run is still starting" in screen_text(app)
        session.play(started(), ev.StatusChanged(status="running"))
        await until(pilot, lambda: "0.01" in screen_text(app))
        await press(pilot, "enter", *"0.02", "enter")
    assert session.last(cmd.SetLearningRate).value == 0.02


def test_a_refusal_is_shown_with_its_reason() -> None:
    session = running()
    session.reply = lambda command: ev.Refused(step=200, reason="not while validating", cause=command)
    assert pressed(session, "space") == "refused: not while validating"


async def test_an_answer_replaces_the_pending_command() -> None:
    session = running()

    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "o", "d")
        assert "sent: rate ÷10" in screen_text(app)
        session.play(ev.SettingChanged(step=200, name="lr", value=1e-3, previous=1e-2, cause=session.sent[0]))
        await settle(pilot)
        assert "learning rate 0.001, was 0.01" in screen_text(app)
        assert "sent:" not in screen_text(app)


async def test_the_display_follows_the_event_and_not_the_key() -> None:
    session = running()

    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "space")
        await settle(pilot)
        assert "running" in screen_text(app).splitlines()[0]
        session.play(ev.StatusChanged(status="paused", cause=session.sent[0]))
        await settle(pilot)
        assert "paused" in screen_text(app).splitlines()[0]


def test_commands_go_to_the_chosen_run_or_to_all() -> None:
    session = running("set/a", "set/b")
    pressed(session, "c", "tab", "c", "o", "asterisk", "c")
    assert [command.run for command in session.sent] == ["set/a", "set/b", "*"]


def test_a_user_can_rebind_a_key() -> None:
    session = running()
    settings = Settings(keys={"pause": "f5,P", "patience": "space"})
    pressed(session, "f5", settings=settings)
    session.last(cmd.Pause)
    pressed(session, "space", "escape", settings=settings)
    assert len(session.sent) == 1


async def test_detaching_closes_the_session_and_stops_nothing() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "d")
    assert session.sent == []
    assert session.closed == 1
    assert app.return_value is not None
    assert app.return_value.exit_code == 0
    assert "tui-trainer attach digits" in app.return_value.message


async def test_stop_and_save_leaves_when_the_run_is_over() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "q", "s")
        await settle(pilot)
        assert session.closed == 0
        session.play(finished("stopped"))
        await settle(pilot)
    assert session.closed == 1
    assert app.return_value is not None
    assert app.return_value.exit_code == 0
    assert "stopped by the user" in app.return_value.message


async def test_pressing_q_again_leaves_at_once() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "q", "s", "q")
        await settle(pilot)
    assert session.closed == 1


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
async def test_ctrl_c_asks_first_and_then_detaches(key: str) -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, key)
        await settle(pilot)
        assert "Leave it training" in screen_text(app)
        await press(pilot, key)
        await settle(pilot)
    assert session.sent == []
    assert session.closed == 1


def test_ctrl_c_twice_stops_a_run_in_this_process() -> None:
    session = running(kind="in-process")
    pressed(session, "ctrl+c", "ctrl+c")
    session.last(cmd.Stop)


async def test_a_failed_run_gives_the_exit_code() -> None:
    session = running()
    session.play(finished("failed", "out of memory", exit_code=1))
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "q")
    assert app.return_value is not None
    assert app.return_value.exit_code == 1
    assert "out of memory" in app.return_value.message


async def test_a_lost_connection_is_shown_and_gives_exit_code_1() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        session.say("the host has vanished", fatal=True)
        await settle(pilot)
        assert "disconnected" in screen_text(app).splitlines()[0]
        await press(pilot, "space")
        await settle(pilot)
        assert "disconnected from the run" in screen_text(app)
        await press(pilot, "q")
    assert session.sent == []
    assert app.return_value is not None
    assert app.return_value.exit_code == 1
    assert "the host has vanished" in app.return_value.message


async def test_keys_that_arrive_together_act_in_order() -> None:
    session = running()

    app = app_over(session)

    async with show(app) as pilot:
        digits = ["0", "full_stop", "5", "backspace", "2", "5", "enter"]
        await press(
            pilot,
            "minus",
            *"or",
            "ctrl+u",
            *digits,
            *"on",
            "h",
            "i",
            "enter",
            "s",
            "home",
            "down",
            "down",
            "enter",
            "c",
        )
    rate, typed, note, schedule, save = session.sent
    assert isinstance(rate, cmd.SetLearningRate)
    assert isinstance(typed, cmd.SetLearningRate)
    assert typed.value == 0.25
    assert isinstance(note, cmd.Note)
    assert note.text == "hi"
    assert isinstance(schedule, cmd.SetScheduler)
    assert schedule.scheduler.kind == "exponential"
    assert isinstance(save, cmd.SaveCheckpoint)


@pytest.mark.long
async def test_every_action_has_an_effect_or_a_reason() -> None:
    session = running("set/a", "set/b")
    session.play(ev.Noted(step=100, text="here"))

    app = app_over(session)

    async with show(app) as pilot:
        for action in ACTIONS:
            if action.id in ("quit", "detach"):
                continue
            await press(pilot, *(action.keys[:1] or ("o", key_name(action.letter))))
            await settle(pilot)
            while len(app.screen_stack) > 1:
                await press(pilot, "escape")
        assert app.dashboard is not None


async def test_a_vanished_host_is_reported_and_r_resumes_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen shows the reason, and R connects to the host that resumes the runs."""
    asked: list[tuple[str, ...]] = []
    after = running(steps=300)

    def take_up(folders: tuple[str, ...], beside: tuple[str, ...]) -> FakeSession:
        asked.append(folders)
        return after

    monkeypatch.setattr("tui_trainer.session.resume.resume_session", take_up)
    session = running()

    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "R")
        assert "the host is still running" in screen_text(app)
        session.say("the host was killed (SIGKILL)", fatal=True, folders=("runs/digits",))
        await settle(pilot)
        assert "not running: the host was killed (SIGKILL)" in screen_text(app)
        assert "R resumes from epoch 4" in screen_text(app)
        await press(pilot, "space")
        assert "disconnected from the run" in screen_text(app)
        await press(pilot, "R")
        await settle(pilot)
        assert "disconnected" not in screen_text(app)
        await press(pilot, "space")
    assert asked == [("runs/digits",)]
    assert session.closed == 1
    assert [command.type for command in after.sent] == ["Pause"]


async def test_a_dead_run_is_shown_as_dead_until_it_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    after = running("set/a", "set/b")
    asked: list[tuple[tuple[str, ...], tuple[str, ...]]] = []

    def take_up(folders: tuple[str, ...], beside: tuple[str, ...]) -> FakeSession:
        asked.append((folders, beside))
        return after

    monkeypatch.setattr("tui_trainer.session.resume.resume_session", take_up)
    session = running("set/a", "set/b", kind="finished", can_steer=False)

    app = app_over(session, read_only=True)

    async with show(app) as pilot:
        assert "▶" in screen_text(app).splitlines()[0]
        for name in "a", "b":
            session.say("ended at step 200: the host is gone", folders=(f"runs/set/{name}",))
        await settle(pilot)
        top = screen_text(app).splitlines()[0]
        assert "not running" in top
        assert "last heard just now" in top
        assert "▶" not in top
        assert " left" not in top
        assert "R resumes from epoch 4" in screen_text(app)
        await press(pilot, "R")
        await settle(pilot)
        assert "▶" in screen_text(app).splitlines()[0]
    assert asked == [(("runs/set/a", "runs/set/b"), ())]


def test_a_failed_resume_shows_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def take_up(folders: tuple[str, ...], beside: tuple[str, ...]) -> FakeSession:
        raise UserError("run 'digits' is live")

    monkeypatch.setattr("tui_trainer.session.resume.resume_session", take_up)
    session = running()
    session.say("the host is gone", fatal=True, folders=("runs/digits",))
    assert pressed(session, "R") == "run 'digits' is live"


def test_a_read_only_screen_cannot_resume() -> None:
    session = running()
    session.say("the host is gone", fatal=True, folders=("runs/digits",))
    assert pressed(session, "R", read_only=True).startswith("read only")
