"""Taking an intervention back is as if it had never been made; what was done can be done again to the bit."""

from __future__ import annotations

import os
import random

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.optimizers.first_order import SGD, Adam
from tui_trainer.components.schedulers.builtin import Cosine, Staircase
from tui_trainer.engine.checkpointing.file_format import load
from tui_trainer.engine.checkpointing.restore import restore_last
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.history import RunHistory, first_difference
from tui_trainer.runs.run_dir import Owner, RunDir

CONFIG = tiny_config(
    model={"hidden": [8], "dropout": 0.2},
    optimizer={"kind": "adam", "lr": 0.02},
    scheduler={"kind": "cosine"},
    training={"epochs": 6},
)

HURTING = [
    cmd.SetLearningRate(factor=3.0),
    cmd.SetScheduler(scheduler=Staircase(period=1)),
    cmd.SetOptimizer(optimizer=SGD(lr=0.5, momentum=0.9)),
    cmd.SetClip(value=0.01),
    cmd.SetPatience(patience=3),
    cmd.SetEpochs(add=3),
    cmd.RollBack(),
]


def record_of(bench: TrainerHarness) -> RunHistory:
    record = RunHistory()
    for event in bench.events:
        record.add(event)
    return record


@pytest.mark.parametrize("command", HURTING, ids=lambda command: command.type)
@pytest.mark.parametrize("paused", [False, True])
def test_after_an_undo_the_run_is_the_one_that_never_had_the_intervention(command, paused):
    plain = TrainerHarness(CONFIG)
    plain.finish()
    bench = TrainerHarness(CONFIG)
    bench.steps(8)
    bench.control.put(command.model_copy(update={"id": "it"}))
    bench.steps(9)
    if paused:
        bench.control.put(cmd.Pause())
        bench.steps(1)
    bench.control.put(cmd.Undo(id="undo"))
    if paused:
        bench.steps(2)
        assert bench.trainer.state.step == 8
        bench.control.put(cmd.Resume())
    bench.finish()
    assert first_difference(record_of(plain), record_of(bench)) == ""
    state = bench.state
    assert state.series["train_loss"].values.tolist() == plain.state.series["train_loss"].values.tolist()
    assert (state.epochs, state.clip_grad_norm, state.lr) == (6, 0.0, plain.state.lr)
    assert [mark.letter for mark in state.marks] == ["u"]
    assert state.ghosts[0].steps[-1] == 17
    assert record_of(bench).interventions == []


def test_undo_goes_back_one_by_one_and_says_when_nothing_is_left():
    bench = TrainerHarness(CONFIG)
    bench.steps(3)
    for number in range(3):
        bench.control.put(cmd.SetLearningRate(factor=2.0, id=str(number)))
        bench.steps(2)
    assert bench.trainer.state.step == 9
    for expected in (7, 5, 3):
        bench.control.put(cmd.Undo())
        bench.steps(1)
        assert bench.of(ev.RolledBack)[-1].step == expected
    bench.control.put(cmd.Undo())
    bench.steps(1)
    assert "nothing to undo" in bench.of(ev.Refused)[-1].reason


def test_a_refused_command_leaves_nothing_to_undo():
    bench = TrainerHarness(CONFIG)
    bench.steps(3)
    bench.control.put(cmd.RollBack(to="best"))
    bench.steps(1)
    assert bench.trainer.state.undo_stack == []


def any_command(source: random.Random) -> cmd.AnyCommand:
    return source.choice(
        [
            cmd.SetLearningRate(factor=source.choice([0.1, 0.5, 2.0])),
            cmd.SetLearningRate(value=source.uniform(1e-3, 0.1)),
            cmd.SetScheduler(scheduler=source.choice([Cosine(), Staircase(period=1, gamma=0.5)])),
            cmd.SetOptimizer(optimizer=source.choice([SGD(lr=0.1), Adam(lr=0.01)])),
            cmd.SetClip(value=source.choice([0.0, 0.1])),
            cmd.SetEpochs(add=source.choice([1, 2])),
            cmd.SetPatience(patience=source.randint(3, 9)),
            cmd.RollBack(),
            cmd.Evaluate(),
            cmd.Pause(),
            cmd.Resume(),
            cmd.StepOnce(),
            cmd.Undo(),
        ]
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_script_of_random_interventions_replays_to_the_bit(seed):
    source = random.Random(seed)
    bench = TrainerHarness(CONFIG)
    for number in range(10):
        bench.steps(source.randint(0, 4))
        bench.control.put(any_command(source).model_copy(update={"id": f"c{number}"}))
    bench.steps(1)
    bench.control.put(cmd.Resume(id="go"))
    bench.control.put(
        source.choice([cmd.Stop(when="epoch", id="end"), cmd.Stop(id="end"), cmd.Note(text="on", id="n")])
    )
    bench.finish()
    original = record_of(bench)
    again = TrainerHarness(CONFIG)
    again.trainer.follow(original.interventions)
    again.finish()
    replayed = record_of(again)
    assert first_difference(original, replayed) == ""
    assert original.finished is not None
    assert replayed.finished is not None
    assert replayed.finished.reason == original.finished.reason
    assert len(original.rows) == len(replayed.rows) > 5


def test_a_stop_that_waits_for_the_end_of_the_epoch_is_taken_back_alone():
    bench = TrainerHarness(CONFIG)
    bench.steps(7)
    bench.control.put(cmd.SetLearningRate(factor=3.0, id="rate"))
    bench.steps(1)
    bench.control.put(cmd.Stop(when="epoch", id="stop"))
    bench.control.put(cmd.Note(text="no, rather not", id="note"))
    bench.steps(1)
    assert bench.state.status == "stopping"
    bench.control.put(cmd.Undo(id="undo"))
    bench.steps(1)
    assert (bench.trainer.state.step, bench.state.status) == (10, "running")
    assert bench.finish().reason == "completed"
    original = record_of(bench)
    assert [command.id for _, command in original.interventions] == ["rate", "note"]
    again = TrainerHarness(CONFIG)
    again.trainer.follow(original.interventions)
    again.finish()
    assert first_difference(original, record_of(again)) == ""


def test_a_second_stop_is_taken_back_to_the_first():
    bench = TrainerHarness(CONFIG)
    bench.steps(7)
    bench.control.put(cmd.Stop(when="epoch", id="first"))
    bench.control.put(cmd.Stop(when="epoch", restore_best=True, id="second"))
    bench.control.put(cmd.Undo(id="undo"))
    assert bench.finish().reason == "stopped"
    assert (bench.trainer.state.step, bench.of(ev.RolledBack)) == (10, [])
    assert [command.id for _, command in record_of(bench).interventions] == ["first"]


def test_a_stop_after_the_batch_is_never_taken_back():
    bench = TrainerHarness(CONFIG)
    bench.steps(7)
    bench.control.put(cmd.SetLearningRate(factor=3.0, id="rate"))
    bench.steps(1)
    bench.control.put(cmd.Stop(id="stop", by="SIGTERM"))
    bench.control.put(cmd.Undo(id="undo"))
    assert (bench.finish().reason, bench.trainer.state.step) == ("stopped", 8)
    assert bench.of(ev.Refused)[-1].reason == "the run is stopping"


def test_the_best_epoch_of_a_branch_that_was_left_gives_way_on_disk_too(tmp_path):
    folder = RunDir(tmp_path / "run")
    folder.create("", {}, Owner(os.getpid(), "here", ""))
    config = tiny_config(training={"epochs": 40}, checkpoints={"every_epochs": 1})
    bench = TrainerHarness(config, folder)
    bench.steps(12)
    best = bench.trainer.services.early_stopper.best
    assert best is not None
    bench.control.put(cmd.SetLearningRate(value=0.3, id="rate"))
    bench.steps(33)
    assert load(folder.checkpoints / "best.safetensors")["step"] > best.step
    bench.control.put(cmd.Undo(id="undo"))
    bench.steps(1)
    # Saved at once: who resumes it must not find the branch that was left.
    assert load(folder.checkpoints / "last.safetensors")["step"] == 12
    assert load(folder.checkpoints / "best.safetensors")["step"] == best.step
    again = TrainerHarness(config)
    restore_last(again.trainer.state, again.trainer.services, folder.checkpoints)
    assert again.trainer.state.best_weights is not None
    assert again.trainer.state.best_weights["step"] == best.step
