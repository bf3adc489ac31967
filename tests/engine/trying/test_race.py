"""A race leaves the run as it was, to the bit; what is taken from it goes on as if it had been chosen at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.trying.test_find_rate import FAMILIES, OPTIMIZERS
from tests.engine.trying.untouched import bits, check_untouched, record_of
from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.preset import load
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.race.lines import parse_settings
from tui_trainer.runs.history import first_difference

SETTINGS = ("lr=x0.5", "optimizer=adam lr=0.01 clip=0.5", "unchanged")
RACE = cmd.Race(id="race", settings=SETTINGS, steps=12)


def raced(config: Any, steps: int, race: cmd.Race = RACE) -> TrainerHarness:
    """A run that paused after some steps and raced."""
    bench = TrainerHarness(config)
    bench.steps(steps)
    bench.control.put(cmd.Pause())
    bench.steps(1)
    bench.control.put(race)
    bench.steps(1)
    return bench


def look_at_race(answer: ev.Event) -> None:
    if isinstance(answer, ev.Refused):
        assert "clipping" in answer.reason or "rate" in answer.reason


SHORT = ("adam", "lbfgs", "muon", "sgd", "digits-mlp", "dropout", "zigzag")
"""The optimizers and presets of the quick tests."""


def some(names: Any) -> list[Any]:
    return [name if name in SHORT else pytest.param(name, marks=pytest.mark.long) for name in names]


@pytest.mark.parametrize("kind", some(OPTIMIZERS))
def test_a_race_leaves_every_optimizer_as_it_was(kind):
    model = {"hidden": [8], "dropout": 0.2, "norm": "batch"}
    check_untouched(tiny_config(model=model, optimizer={"kind": kind}, training={"epochs": 3}), 8, RACE, look_at_race)


@pytest.mark.parametrize("preset", some(FAMILIES))
def test_a_race_leaves_every_family_of_presets_as_it_was(preset):
    changes = [f"{key}={value}" for key, value in FAMILIES[preset].items()]
    check_untouched(next(iter(load(preset, changes).runs.values())), 3, RACE, look_at_race)


def check_taken(
    config: Any, steps: int, lane: int, later: int = 0, settings: tuple[str, ...] = SETTINGS
) -> TrainerHarness:
    """Compare a run that took one of the settings with one that chose it at once: state and every number."""
    plain = TrainerHarness(config)
    plain.steps(steps)
    plain.control.put(cmd.Pause())
    plain.steps(1)
    for number, command in enumerate(parse_settings(settings[lane - 1], parse_command)):
        plain.control.put(command.model_copy(update={"id": f"chosen-{number}"}))
    plain.steps(1)
    plain.control.put(cmd.Resume())
    plain.finish()
    bench = raced(config, steps, RACE.model_copy(update={"settings": settings}))
    if later:
        bench.control.put(cmd.Resume())
        bench.steps(later)
    bench.control.put(cmd.TakeRace(id="take", lane=lane))
    bench.steps(1)
    bench.control.put(cmd.Resume())
    bench.finish()
    assert first_difference(record_of(plain), record_of(bench)) == ""
    assert bits(plain.state_dict()["model"]) == bits(bench.state_dict()["model"])
    assert bits(plain.state_dict()["optimizer"]) == bits(bench.state_dict()["optimizer"])
    tried = next(branch for branch in [*bench.state.branches] if branch.left_by == "race")
    assert tried.curves["train_loss"].steps[0] == steps + 1
    return bench


@pytest.mark.parametrize("later", [0, 9])
@pytest.mark.parametrize("lane", [1, 2, 3])
def test_what_is_taken_equals_what_is_chosen_at_once(lane, later):
    model = {"hidden": [8], "dropout": 0.2, "norm": "batch"}
    bench = check_taken(tiny_config(model=model, scheduler={"kind": "cosine"}, training={"epochs": 6}), 8, lane, later)
    assert [branch.id for branch in bench.state.branches if branch.left_by == "race"] == [
        f"race/{other}" for other in (1, 2, 3) if other != lane
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    "line", [*SETTINGS[:2], "scheduler=exponential lr=0.02", "clip=0.3", "dropout=0.4 weight_decay=0.01"]
)
def test_the_winner_equals_the_run_that_chose_it_at_once_over_500_steps(line):
    model = {"hidden": [16], "dropout": 0.1}
    config = tiny_config(model=model, scheduler={"kind": "cosine"}, training={"epochs": 104})
    bench = check_taken(config, 13, 2, later=40, settings=("unchanged", line))
    assert bench.state.step == 520


def test_the_losses_of_a_race_are_those_of_the_run_that_takes_it():
    bench = raced(tiny_config(training={"epochs": 6}), 8)
    tried = {
        lane: [loss for event in bench.of(ev.RaceAdvanced) if event.lane == lane for loss in event.losses]
        for lane in (1, 2, 3)
    }
    assert {lane: len(losses) for lane, losses in tried.items()} == {1: 12, 2: 12, 3: 12}
    for lane in (1, 2, 3):  # one after another, from the same place
        bench.control.put(cmd.TakeRace(id=f"take-{lane}", lane=lane))
        bench.steps(1)
        bench.control.put(cmd.Resume())
        bench.steps(13)
        bench.flush()
        column = bench.column("train_loss")
        assert [column[step] for step in range(9, 21)] == tried[lane]
    raced_lanes = bench.of(ev.Raced)[-1].lanes
    assert raced_lanes[0].loss == pytest.approx(sum(tried[1][-2:]) / 2)


def test_validation_losses_are_those_of_the_weights_after_the_last_step():
    bench = raced(tiny_config(training={"epochs": 6}), 4, cmd.Race(id="race", settings=SETTINGS, steps=5))
    found = bench.of(ev.Raced)[-1]
    bench.control.put(cmd.TakeRace(id="take", lane=2))
    bench.steps(1)
    bench.control.put(cmd.StepOnce(count=5))
    bench.steps(6)
    bench.control.put(cmd.Evaluate(id="measure"))
    bench.steps(1)
    measured = next(event for event in bench.of(ev.Scalars) if event.cause is not None and event.cause.id == "measure")
    assert measured.values["val_loss"] == [found.lanes[1].metrics["val_loss"]]
    assert found.best == min((1, 2, 3), key=lambda lane: found.lanes[lane - 1].metrics["val_loss"] or 0)


def test_a_running_run_waits_for_the_decision_and_goes_on_after_none():
    bench = TrainerHarness(tiny_config())
    bench.steps(3)
    bench.control.put(RACE)
    bench.steps(2)
    assert (bench.state.status, bench.trainer.state.step) == ("paused", 3)
    assert bench.state.race is not None
    assert bench.state.race.waits
    bench.control.put(cmd.TakeRace(id="none"))
    bench.steps(1)
    assert (bench.state.status, bench.trainer.state.step) == ("running", 4)
    assert not bench.state.race.waits
    assert [branch.what for branch in bench.state.branches] == [f"{n} {line}" for n, line in enumerate(SETTINGS, 1)]
    bench.control.put(cmd.TakeRace(id="later", lane=1))  # a branch that is taken up later
    bench.steps(1)
    assert bench.trainer.state.step == 4
    assert bench.state.lr == 0.05


def test_a_taken_setting_is_undone_in_one_step_and_redone():
    bench = raced(tiny_config(), 5)
    bench.control.put(cmd.TakeRace(id="take", lane=2))
    bench.steps(1)
    assert (bench.state.optimizer.kind, bench.state.lr, bench.state.clip_grad_norm) == ("adam", 0.01, 0.5)
    assert bench.state.interventions == ["take"]
    assert {mark.because for mark in bench.state.marks if mark.letter in "olg"} == {"settings 2 of a race of 3"}
    bench.control.put(cmd.Undo(id="undo"))
    bench.steps(1)
    assert (bench.state.optimizer.kind, bench.state.lr, bench.state.clip_grad_norm) == ("sgd", 0.1, 0.0)
    bench.control.put(cmd.Redo(id="redo"))
    bench.steps(1)
    assert (bench.state.optimizer.kind, bench.state.lr, bench.state.clip_grad_norm) == ("adam", 0.01, 0.5)


def test_later_interventions_are_left_with_the_branch_and_an_undo_before_the_race_drops_it():
    bench = TrainerHarness(tiny_config())
    bench.control.put(cmd.Pause())
    bench.control.put(cmd.SetLearningRate(id="before", value=0.2))
    bench.control.put(RACE)
    bench.steps(1)
    bench.control.put(cmd.SetClip(id="after", value=1.0))
    bench.control.put(cmd.StepOnce(count=2))
    bench.steps(3)
    bench.control.put(cmd.TakeRace(id="take", lane=1))
    bench.steps(1)
    assert bench.state.interventions == ["before", "take"]
    assert (bench.state.lr, bench.state.clip_grad_norm, bench.trainer.state.step) == (0.1, 0.0, 0)
    script = [command.id for _, command in record_of(bench).interventions]
    assert script == ["before", "take"]
    bench.control.put(cmd.Undo(id="undo-1"))
    bench.control.put(cmd.Undo(id="undo-2"))
    bench.control.put(cmd.TakeRace(id="gone", lane=3))
    bench.steps(4)
    assert "no race to take from" in bench.of(ev.Refused)[-1].reason


@pytest.mark.parametrize("command", [cmd.Pause(), cmd.TakeRace(id="none")])
def test_a_race_is_cancelled_by_what_comes_in_between(command):
    plain, bench = TrainerHarness(tiny_config()), TrainerHarness(tiny_config())
    plain.finish()
    bench.steps(2)
    bench.control.put(RACE)
    bench.control.put(command)
    bench.steps(1)
    assert bench.of(ev.Raced)[-1].interrupted
    assert bench.state.branches == []
    bench.control.put(cmd.TakeRace(id="take", lane=1))
    bench.steps(1)
    assert "no race to take from" in bench.of(ev.Refused)[-1].reason
    bench.control.put(cmd.Resume())
    bench.finish()
    assert first_difference(record_of(plain), record_of(bench)) == ""


def test_a_setting_that_diverges_says_so_and_cannot_be_taken():
    race = cmd.Race(id="race", settings=("lr=1e30", "unchanged"), steps=10)
    bench = raced(tiny_config(), 2, race)
    found = bench.of(ev.Raced)[-1]
    assert "not finite" in found.lanes[0].broke
    assert found.best == 2
    bench.control.put(cmd.TakeRace(id="take", lane=1))
    bench.steps(1)
    assert "not finite" in bench.of(ev.Refused)[-1].reason


def test_settings_that_the_run_refuses_are_named_and_nothing_was_raced():
    bench = raced(tiny_config(), 2, cmd.Race(id="race", settings=("dropout=0.5", "unchanged"), steps=10))
    assert "race 'dropout=0.5': dropout: this model has no dropout layer" in bench.of(ev.Refused)[-1].reason
    assert bench.of(ev.RaceAdvanced) == bench.of(ev.Raced) == []


def test_a_race_ends_with_the_last_step_of_the_run_and_its_price_is_said():
    bench = TrainerHarness(tiny_config())
    bench.control.put(cmd.Race(id="price", settings=SETTINGS, steps=50, price=True))
    bench.steps(1)
    price = bench.of(ev.Raced)[-1]
    assert (price.priced, price.steps, len(price.lanes)) == (True, 20, 3)
    # Weights and biases of 2-8-2, for the run and each of the settings: plain SGD keeps no state.
    assert price.bytes >= 4 * 4 * (2 * 8 + 8 + 8 * 2 + 2)
    assert price.seconds > 0
    assert bench.of(ev.RaceAdvanced) == []
    bench.finish()
    bench.control.put(RACE)


def test_a_sender_may_not_take_what_it_may_not_set():
    rules = {"commands": ["race", "take-race", "set-lr"], "lr": [0.01, 0.15], "factor": 0.0, "cool_down": 0.0}
    bench = TrainerHarness(tiny_config(allow={"agent": rules}))
    agent: dict[str, Any] = {"by": "helper", "actor": "agent", "because": "to see"}
    bench.steps(3)
    bench.control.put(cmd.Race(id="race", settings=("lr=0.5", "lr=0.12", "clip=1"), steps=5, **agent))
    bench.steps(2)
    for lane in (1, 3):
        bench.control.put(cmd.TakeRace(id=f"take-{lane}", lane=lane, **agent))
        bench.steps(1)
        assert f"settings {lane}: " in bench.of(ev.Refused)[-1].reason
    assert (bench.state.lr, bench.state.status) == (0.1, "paused")
    bench.control.put(cmd.TakeRace(id="take-2", lane=2, **agent))
    bench.steps(1)
    assert bench.state.lr == 0.12
    changed = bench.of(ev.SettingChanged)[-1].cause
    assert changed is not None
    assert (changed.actor, changed.by, changed.because) == ("agent", "helper", "to see")
