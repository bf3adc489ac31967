"""A redo after an undo is as if the undo had never been: same bits, same state, same journal to replay."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
import torch

from tests.engine.commands.test_undo import HURTING, any_command, record_of
from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.optimizers.first_order import SGD, AdamW
from tui_trainer.engine.checkpointing.file_format import load
from tui_trainer.engine.commands import undo as undo_module
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.protocol.describe import describe
from tui_trainer.runs.comparing.interventions import pending_after
from tui_trainer.runs.history import first_difference
from tui_trainer.runs.journal import Journal
from tui_trainer.runs.loading.step_index import StepIndex
from tui_trainer.runs.run_dir import Owner, RunDir
from tui_trainer.state.run_state import RunState

OPTIMIZERS = [
    {"kind": "adam", "lr": 0.02},
    {"kind": "sgd", "lr": 0.1, "momentum": 0.9},
    {"kind": "rmsprop", "lr": 0.01, "momentum": 0.5},
    {"kind": "nadam", "lr": 0.02},
    {"kind": "muon", "lr": 0.02},
]
SCHEDULES = [
    {"scheduler": {"kind": "cosine"}},
    {"scheduler": {"kind": "plateau", "patience": 1, "threshold": 0.5}},
    {"early_stopping": {"enabled": True, "patience": 5, "min_delta": 0.05}},
]


def config(optimizer: dict[str, object] = OPTIMIZERS[0], **tables: dict[str, object]):
    return tiny_config(
        model={"hidden": [8], "dropout": 0.2}, optimizer=optimizer, training={"epochs": 8, "norm_every": 1}, **tables
    )


def send(harness: TrainerHarness, *commands: cmd.AnyCommand) -> None:
    for command in commands:
        harness.control.put(command)


def check_same_bits(configuration, command: cmd.AnyCommand, between: int = 4) -> TrainerHarness:
    """Compare an intervention that was undone and redone with one that was left alone."""

    def begun() -> TrainerHarness:
        harness = TrainerHarness(configuration)
        harness.steps(8)
        send(harness, command.model_copy(update={"id": "it"}))
        harness.steps(9)
        return harness

    plain = begun()
    plain.finish()
    harness = begun()
    send(harness, cmd.Undo(id="undo"))
    harness.steps(between)
    assert harness.trainer.state.step == 8 + between
    send(harness, cmd.Redo(id="redo"))
    harness.steps(1)
    assert harness.trainer.state.step == 18
    harness.finish()
    assert first_difference(record_of(plain), record_of(harness)) == ""
    one, other = (each.trainer.services.setup.model.state_dict() for each in (plain, harness))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert record_of(harness).interventions == record_of(plain).interventions
    assert harness.of(ev.RunFinished)[-1].reason == plain.of(ev.RunFinished)[-1].reason
    return harness


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer["kind"])
@pytest.mark.parametrize("command", [HURTING[0], HURTING[2], HURTING[6]], ids=lambda command: command.type)
def test_undo_and_redo_are_as_if_neither_had_been(optimizer, command):
    check_same_bits(config(optimizer), command)


@pytest.mark.parametrize("tables", SCHEDULES, ids=["cosine", "plateau", "early stopping"])
@pytest.mark.parametrize("command", HURTING, ids=lambda command: command.type)
def test_with_schedules_and_early_stopping(tables, command):
    check_same_bits(config(**tables), command)


@pytest.mark.parametrize("between", [1, 2, 7, 13])
def test_the_steps_since_the_undo_leave_no_trace_in_the_state(between):
    configuration = config(scheduler={"kind": "cosine"})
    harness = check_same_bits(configuration, cmd.SetLearningRate(factor=3.0), between)
    plain = TrainerHarness(configuration)
    plain.steps(8)
    send(plain, cmd.SetLearningRate(factor=3.0, id="it"))
    plain.finish()
    for name, series in plain.state.series.items():
        if name != "seconds":
            assert harness.state.series[name].steps == series.steps
            assert harness.state.series[name].values == series.values
    assert [mark.letter for mark in harness.state.marks] == ["l", "U"]
    assert harness.state.epoch == plain.state.epoch


def test_several_undos_are_redone_one_by_one():
    harness = TrainerHarness(config())
    for factor in (0.5, 0.25, 2.0):
        harness.steps(3)
        send(harness, cmd.SetLearningRate(factor=factor, id=f"x{factor}"))
    harness.steps(4)
    at_end = [12, 9, 6]
    for step in (9, 6, 3):
        send(harness, cmd.Undo(id=f"u{step}"))
        harness.steps(1)
        assert harness.of(ev.RolledBack)[-1].step == step
    for step in reversed(at_end):
        send(harness, cmd.Redo(id=f"r{step}"))
        harness.steps(1)
        assert harness.of(ev.RolledBack)[-1].step == step + 1
    send(harness, cmd.Redo())
    harness.steps(1)
    assert harness.of(ev.Refused)[-1].reason.startswith("nothing to redo: nothing was undone")
    assert [command.id for _, command in record_of(harness).interventions] == ["x0.5", "x0.25", "x2.0"]
    assert harness.state.interventions == ["x0.5", "x0.25", "x2.0"]


def test_a_new_intervention_ends_what_could_be_redone():
    harness = TrainerHarness(config())
    harness.steps(3)
    send(harness, cmd.SetClip(value=1.0, id="clip"))
    harness.steps(3)
    send(harness, cmd.Undo(id="undo"))
    harness.steps(2)
    assert [(branch.id, branch.take_up) for branch in harness.state.branches] == [("clip", "redo")]
    send(harness, cmd.Note(text="still there", id="note"))
    harness.steps(1)
    assert len(harness.trainer.state.redo_stack) == 1
    send(harness, cmd.RollBack(to="nothing", id="refused"))
    harness.steps(1)
    assert len(harness.trainer.state.redo_stack) == 1
    send(harness, cmd.SetLearningRate(factor=0.5, id="rate"))
    harness.steps(1)
    send(harness, cmd.Redo(id="redo"))
    harness.steps(1)
    assert "nothing to redo" in harness.of(ev.Refused)[-1].reason
    assert harness.trainer.state.redo_stack == []
    assert [(branch.id, branch.take_up) for branch in harness.state.branches] == [("clip", "")]


def test_a_stop_is_planned_again_where_the_run_stands():
    harness = TrainerHarness(config())
    harness.steps(7)
    send(harness, cmd.Stop(when="epoch", id="stop"))
    harness.steps(1)
    send(harness, cmd.Undo(id="undo"))
    harness.steps(4)
    send(harness, cmd.Redo(id="redo"))
    assert harness.finish().reason == "stopped"
    assert harness.trainer.state.step == 15
    original = record_of(harness)
    assert [(step, command.id) for step, command in original.interventions] == [(12, "stop")]
    again = TrainerHarness(config())
    again.trainer.follow(original.interventions)
    again.finish()
    assert first_difference(original, record_of(again)) == ""


def test_the_branch_that_a_roll_back_left_is_taken_up_again_by_an_undo():
    harness = TrainerHarness(config())
    harness.steps(8)
    send(harness, cmd.RollBack(id="back"))
    harness.steps(3)
    (branch,) = harness.state.branches
    assert (branch.id, branch.left_by, branch.start, branch.end, branch.take_up) == ("back", "roll-back", 5, 8, "undo")
    send(harness, cmd.Redo(id="redo"))
    harness.steps(1)
    assert "undo goes back to the point that the roll-back left" in harness.of(ev.Refused)[-1].reason
    send(harness, cmd.Undo(id="undo"))
    harness.steps(1)
    assert harness.of(ev.RolledBack)[-1].step == 8
    assert [(branch.left_by, branch.take_up) for branch in harness.state.branches] == [("undo", "redo")]


def any_with_redo(source: random.Random) -> cmd.AnyCommand:
    return source.choice([cmd.Undo(), cmd.Redo(), any_command(source)])


@pytest.mark.parametrize("seed", range(25))
def test_a_script_with_undos_and_redos_replays_to_the_bit(seed, tmp_path):
    source = random.Random(seed)
    harness = TrainerHarness(config(scheduler={"kind": "cosine"}))
    for number in range(14):
        harness.steps(source.randint(0, 4))
        send(harness, any_with_redo(source).model_copy(update={"id": f"c{number}"}))
    harness.steps(1)
    send(harness, cmd.Resume(id="go"), source.choice([cmd.Stop(id="end"), cmd.Note(text="on", id="n")]))
    harness.finish()
    original = record_of(harness)
    again = TrainerHarness(config(scheduler={"kind": "cosine"}))
    again.trainer.follow(original.interventions)
    again.finish()
    assert first_difference(original, record_of(again)) == ""
    check_state(harness, original)
    check_index(harness, tmp_path)


def check_state(harness: TrainerHarness, original) -> None:
    """A viewer that joined at any time has the state of the one that was there from the start."""
    losses = {step: row["train_loss"] for step, row in original.rows.items() if "train_loss" in row}
    series = harness.state.series["train_loss"]
    assert dict(zip(series.steps, series.values, strict=True)) == losses
    for cut in range(0, len(harness.events), 9):
        late = RunState(run="bench")
        late.apply(*harness.events[:cut])
        late = RunState.model_validate_json(late.model_dump_json())
        late.apply(*harness.events[cut:])
        assert late.model_dump_json() == harness.state.model_dump_json()


def check_index(harness: TrainerHarness, folder: Path) -> None:
    """The exact values that a zoom reads are those of the branch that was kept."""
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(encode_event(event) for event in harness.events))
    found = StepIndex(path).read(0, 1000)
    assert found is not None
    kept = harness.state.series["train_loss"]
    assert found.series["train_loss"].steps == kept.steps
    assert found.series["train_loss"].values == kept.values


def test_a_redo_is_described_and_journaled_once():
    harness = check_same_bits(config(), cmd.SetLearningRate(factor=3.0))
    events = [event for event in harness.of(ev.RolledBack) if isinstance(event.cause, cmd.Redo)]
    (event,) = events
    assert event.restored is not None
    assert event.restored.redone
    assert (event.restored.undid, event.restored.from_step) == ("it", 12)
    assert describe(event) == "redone: rate; continues from step 17"


@pytest.fixture
def folder(tmp_path) -> RunDir:
    folder = RunDir(tmp_path / "run")
    folder.create("", {}, Owner(os.getpid(), "here", ""))
    return folder


def test_a_redo_is_saved_at_once(folder):
    harness = TrainerHarness(config(checkpoints={"every_epochs": 1}), folder)
    harness.steps(8)
    send(harness, cmd.SetLearningRate(factor=3.0, id="it"))
    harness.steps(9)
    send(harness, cmd.Undo(id="undo"))
    harness.steps(2)
    assert load(folder.checkpoints / "last.safetensors")["step"] == 8
    send(harness, cmd.Redo(id="redo"))
    harness.steps(1)
    tree = load(folder.checkpoints / "last.safetensors")
    assert tree["step"] == 17
    best = harness.trainer.services.early_stopper.best
    assert best is not None
    assert load(folder.checkpoints / "best.safetensors")["step"] == best.step


def events_after_a_cut(*commands: cmd.AnyCommand) -> list[ev.AnyEvent]:
    harness = TrainerHarness(config())
    harness.steps(6)
    for command in commands:
        send(harness, command)
        harness.steps(3)
    harness.flush()
    return harness.events


def write(path: Path, events: list[ev.AnyEvent]) -> None:
    journal = Journal(path)
    for event in events:
        journal.append(encode_event(event))
    journal.close()


RATE, UNDO, REDO = cmd.SetLearningRate(factor=0.5, id="rate"), cmd.Undo(id="undo"), cmd.Redo(id="redo")


def test_what_was_redone_after_the_checkpoint_is_applied_again(tmp_path):
    write(tmp_path / "events.jsonl", events_after_a_cut(RATE, UNDO, REDO))
    after = pending_after(tmp_path / "events.jsonl", 0, 5)
    assert [(step, command.id) for step, command in after.script] == [(6, "rate")]


def test_a_redo_of_a_branch_from_before_the_checkpoint_is_said_to_be_lost(tmp_path):
    events = events_after_a_cut(RATE, UNDO, REDO)
    after_undo = next(index for index, event in enumerate(events) if isinstance(event, ev.RolledBack)) + 1
    write(tmp_path / "events.jsonl", events[after_undo:])
    after = pending_after(tmp_path / "events.jsonl", 0, 6)
    assert after.script == ()
    assert "the redo and what followed are lost" in after.message


def test_the_snapshots_are_bounded(monkeypatch):
    harness = TrainerHarness(config())
    size = 0
    for number in range(4):
        harness.steps(1)
        send(harness, cmd.SetLearningRate(factor=0.9, id=str(number)))
        harness.steps(1)
        size = harness.trainer.state.undo_stack[-1].snapshot.bytes
    monkeypatch.setattr(undo_module, "MAX_BYTES", 3 * size)
    for step in (7, 5):
        send(harness, cmd.Undo())
        harness.steps(1)
        state = harness.trainer.state
        assert harness.of(ev.RolledBack)[-1].step == step
        kept = [entry.snapshot for entry in state.undo_stack]
        kept += [snapshot for entry in state.redo_stack for snapshot in (entry.snapshot, entry.undone.snapshot)]
        assert (len(state.redo_stack), len(kept) <= 3) == (1, True)
    send(harness, cmd.Redo())
    harness.steps(1)
    assert harness.of(ev.RolledBack)[-1].step == 8


def test_an_optimizer_that_was_replaced_is_redone_with_its_state():
    for optimizer in (SGD(lr=0.05, momentum=0.9), AdamW(lr=0.01)):
        check_same_bits(config(), cmd.SetOptimizer(optimizer=optimizer))
