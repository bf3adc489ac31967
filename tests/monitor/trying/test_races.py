"""A race in a script's loop: each of the settings on the same batches, and the one that is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.conftest import send
from tests.monitor.trying.loops import BATCHES, Loop
from tui_trainer.protocol import commands as cmd
from tui_trainer.runs.comparing.interventions import commands_with_saves
from tui_trainer.runs.history import first_difference

When = Callable[[Callable[[], bool], Callable[[], None]], None]
AT = 6
LINES = ("unchanged", "lr=x2 clip=0.5", "lr=0.01 noise=0.2")
RACE = cmd.Race(id="race", settings=LINES, steps=8)
CHOSEN: dict[int, list[cmd.AnyCommand]] = {
    1: [],
    2: [cmd.SetLearningRate(factor=2.0), cmd.SetClip(value=0.5)],
    3: [cmd.SetLearningRate(value=0.01), cmd.SetKnob(name="noise", value=0.2)],
}


def raced(runs: Path, when: When, decisions: list[cmd.AnyCommand], **given: Any) -> Loop:
    """Train with a race after `AT` steps, and decide about it."""
    loop = Loop(runs)
    decide(loop, when, decisions)
    loop.train([(AT, RACE)], **given)
    return loop


def decide(loop: Loop, when: When, decisions: list[cmd.AnyCommand]) -> None:
    """Send each decision once the run waits for it."""

    def waits() -> bool:
        run = loop.monitor._run if loop.monitor is not None else None
        return run is not None and run.state.fork is not None and run.state.paused

    def act() -> None:
        for decision in decisions:
            send(loop.monitor, decision)

    when(waits, act)


@pytest.mark.parametrize("lane", [1, 2, 3])
def test_the_setting_that_is_taken_goes_on_as_if_it_was_chosen_at_once(tmp_path: Path, when: When, lane: int) -> None:
    plain = Loop(tmp_path)
    plain.train([(AT, each) for each in CHOSEN[lane]])
    expected = plain.state()
    loop = raced(tmp_path, when, [cmd.TakeRace(lane=lane, id="take")])
    assert first_difference(plain.history(), loop.history()) == ""
    assert loop.state() == expected
    (outcome,) = loop.events("Raced")
    assert [each.steps for each in outcome.lanes] == [8, 8, 8]
    rows = loop.history().rows
    losses = [loss for event in loop.events("RaceAdvanced") if event.lane == lane for loss in event.losses]
    assert losses == [rows[AT + 1 + place]["train_loss"] for place in range(8)]


def test_none_is_taken_and_the_loop_goes_on_to_the_bit(tmp_path: Path, when: When) -> None:
    plain = Loop(tmp_path)
    plain.train()
    expected = plain.state()
    loop = raced(tmp_path, when, [cmd.TakeRace(id="none")], evaluate=lambda: {"val_loss": 1.0})
    assert first_difference(plain.history(), loop.history()) == ""
    assert loop.state() == expected
    (outcome,) = loop.events("Raced")
    assert [each.metrics for each in outcome.lanes] == [{"val_loss": 1.0}] * 3
    assert [event.lane for event in loop.events("RaceAdvanced")] == [1] * 8 + [2] * 8 + [3] * 8


def test_a_race_ends_with_its_epoch(tmp_path: Path, when: When) -> None:
    loop = Loop(tmp_path)
    decide(loop, when, [cmd.TakeRace(id="none")])
    loop.train([(BATCHES - 3, RACE)])
    (outcome,) = loop.events("Raced")
    assert outcome.steps == 3


def test_a_setting_that_is_taken_later_is_an_undo_of_what_came_since(tmp_path: Path, when: When) -> None:
    loop = Loop(tmp_path)
    decide(loop, when, [cmd.TakeRace(id="none")])
    loop.train([(AT, RACE), (AT + 4, cmd.TakeRace(lane=3, id="later"))])
    (back,) = loop.events("RolledBack")
    assert (back.step, back.saved_at) == (AT + 4, AT)
    history = loop.history()
    assert history.last_step == 2 * BATCHES
    assert loop.knob == 0.2
    script = [(step, command.type) for step, command in commands_with_saves(history)]
    late = AT + 4
    assert script == [(AT, "SaveCheckpoint"), (late, "RollBack"), (late, "SetLearningRate"), (late, "SetKnob")]


@pytest.mark.parametrize("command", [cmd.Stop(id="stop"), cmd.TakeRace(id="none")])
def test_a_race_is_cancelled_by_a_decision_or_a_stop(tmp_path: Path, command: cmd.AnyCommand) -> None:
    plain = Loop(tmp_path)
    plain.train([(AT, cmd.Stop(id="stop"))] if isinstance(command, cmd.Stop) else [])
    expected = plain.state()
    loop = Loop(tmp_path)
    loop.train([(AT, RACE), (AT, command)])
    (outcome,) = loop.events("Raced")
    assert outcome.interrupted
    assert loop.state() == expected


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("optimizer=adam", "race 'optimizer=adam': the script makes its own optimizer"),
        ("noise=7", "race 'noise=7': noise: "),
        ("nothing=1", "race 'nothing=1': no knob 'nothing'"),
    ],
)
def test_settings_that_a_loop_does_not_have_are_refused(tmp_path: Path, line: str, said: str) -> None:
    plain = Loop(tmp_path)
    plain.train(epochs=1)
    expected = plain.state()
    loop = Loop(tmp_path)
    loop.train([(AT, RACE.model_copy(update={"settings": ("unchanged", line)}))], epochs=1)
    (refused,) = loop.events("Refused")
    assert refused.reason.startswith(said)
    assert loop.state() == expected
