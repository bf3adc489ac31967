"""The run store: urgent events, answers, and the curves of runs that a new host loads."""

from __future__ import annotations

import pytest

from tests.ui.fake_session import FakeSession, running, started, trained
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.session.base import Greeting
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.run_store import RESUMING, RunStore


@pytest.mark.parametrize(
    ("event", "urgent"),
    [
        (ev.Diagnosed(finding="OVERFIT"), True),
        (ev.Diagnosed(finding="OVERFIT", active=False), True),
        (ev.Diagnosed(finding="OVERFIT", again=True), False),  # in newer numbers, several times a second
        (ev.StatusChanged(status="paused"), True),
        (ev.SavingFailed(what="journal", error="full"), True),
        (ev.Logged(lines=["x"]), False),
    ],
)
def test_only_important_events_are_urgent(event: ev.AnyEvent, urgent: bool) -> None:
    session = running()
    store = RunStore(session)
    store.poll()
    session.play(event)
    update = store.poll()
    assert (update.changed, update.urgent) == (True, urgent)


def test_the_first_numbers_of_a_run_are_drawn_at_once_and_the_next_when_due() -> None:
    session = FakeSession("digits")
    session.play(started())
    store = RunStore(session)
    store.poll()
    urgent = []
    for last in (10, 20):
        session.play(*trained(last))
        urgent.append(store.poll().urgent)
    assert urgent == [True, False]


def test_a_run_keeps_its_curves_while_a_new_host_loads_it() -> None:
    store = RunStore(running())
    store.poll()
    store.switch_session(FakeSession("digits"))
    for _ in range(2):
        (state,) = store.states.values()
        shown = store.shown(state)
        assert shown.status == RESUMING
        assert shown.series["train_loss"].count == 200
        store.poll()  # the greeting of the new host, which knows nothing of the run yet


def test_a_loaded_run_takes_the_place_of_its_earlier_curves() -> None:
    store, session = RunStore(running()), FakeSession("digits")
    store.poll()
    store.switch_session(session)
    store.poll()
    loaded = RunState(run="digits", status="running")
    loaded.apply(started(), *trained(100))
    session._inbox.append(Greeting((loaded,)))
    store.poll()
    assert store.shown(store.states["digits"]) is loaded


def test_other_runs_have_no_earlier_curves() -> None:
    store = RunStore(running())
    store.poll()
    store.replace_runs(FakeSession("digits"))
    store.poll()
    assert store.shown(store.states["digits"]).series == {}


def test_only_an_answer_to_a_change_can_be_undone() -> None:
    session = running()
    store = RunStore(session)
    session.reply = answered
    store.poll()
    undoable: list[bool] = []
    for command in (cmd.SetLearningRate(factor=0.5), cmd.Note(text="here"), cmd.Pause()):
        store.send(command)
        undoable += [answer.undoable for answer in store.poll().answers]
    assert undoable == [True, False, False]


def answered(command: cmd.AnyCommand) -> ev.AnyEvent | None:
    """Answer a command as a host does."""
    match command:
        case cmd.SetLearningRate():
            return ev.SettingChanged(name="lr", value=0.1, previous=0.2, cause=command)
        case cmd.Note():
            return ev.Noted(text="here", cause=command)
        case _:
            return ev.StatusChanged(status="paused", cause=command)
