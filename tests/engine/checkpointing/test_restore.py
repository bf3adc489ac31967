"""A resumed run is the run without the break: every number, to the bit, wherever it was cut."""

from __future__ import annotations

import pytest
import torch

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.base import choices
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.engine.checkpointing.checkpointer import find_best
from tui_trainer.engine.checkpointing.file_format import load, parse, serialise
from tui_trainer.engine.checkpointing.restore import restore_last
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.history import RunHistory, first_difference
from tui_trainer.runs.run_dir import Owner, RunDir


def finished(config) -> TrainerHarness:
    bench = TrainerHarness(config)
    bench.finish()
    return bench


def cut_and_resumed(config, step: int, *, before=()) -> tuple[TrainerHarness, TrainerHarness]:
    """The run up to `step`, and the same run taken up there from the bytes of a checkpoint by a new trainer."""
    first = TrainerHarness(config)
    for at, command in before:
        first.steps(at - first.trainer.state.step)
        first.control.put(command)
    first.steps(step - first.trainer.state.step)
    first.flush()
    data = bytearray(serialise(first.state_dict() | {"journal": {"bytes": 0}}))
    torch.manual_seed(987)  # another process would not have this one's generator
    second = TrainerHarness(config)
    tree = parse(data, "x")
    second.load_state_dict(tree)
    second.trainer.state.best_weights = first.trainer.state.best_weights
    second.finish()
    return first, second


def assert_same(whole: TrainerHarness, first: TrainerHarness, second: TrainerHarness) -> None:
    for name in ("train_loss", "lr"):
        assert first.column(name) | second.column(name) == whole.column(name)
    ends = [event.metrics for event in whole.of(ev.EpochEnded)]
    assert [event.metrics for event in first.of(ev.EpochEnded) + second.of(ev.EpochEnded)] == ends
    assert second.of(ev.RunFinished)[0].best == whole.of(ev.RunFinished)[0].best
    old, new = whole.trainer.services.setup.model.state_dict(), second.trainer.services.setup.model.state_dict()
    assert all(torch.equal(old[name], new[name]) for name in old)


CONFIG = tiny_config(
    model={"hidden": [8, 8], "dropout": 0.3},
    optimizer={"kind": "adam", "lr": 0.02},
    scheduler={"kind": "cosine", "warmup": 3},
    training={"clip_grad_norm": 0.5},
)


@pytest.mark.parametrize("step", range(1, 20))
def test_cut_after_any_step(step):
    first, second = cut_and_resumed(CONFIG, step)
    assert_same(finished(CONFIG), first, second)


@pytest.mark.parametrize("kind", choices(AnyOptimizer))
def test_with_every_optimizer(kind):
    if kind == "sparse-adam":
        pytest.skip("needs a model with sparse gradients")
    own = {"path": "torch.optim:RAdam"} if kind == "import" else {}
    config = tiny_config(optimizer={"kind": kind, **own})
    first, second = cut_and_resumed(config, 8)
    assert_same(finished(config), first, second)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"kind": "sgd", "lr": 1e-3, "momentum": 0.9},
        {"kind": "adagrad", "lr": 10.0, "eps_inside": True},
        {"kind": "adam", "lr": 10.0, "bias_correction": False},
        {"kind": "lbfgs", "max_iter": 2},
        {"kind": "steepest-descent"},
        {"kind": "bfgs", "lr": 0.5},
        {"kind": "newton", "lr": 0.5},
    ],
    ids=lambda optimizer: optimizer["kind"],
)
def test_with_a_function_to_minimise(optimizer):
    config = tiny_config(
        data={"kind": "quadratic", "functions": 9, "batch_size": 2, "noise": 1.0, "rotation": 30.0},
        model={"kind": "point"},
        optimizer=optimizer,
        training={"precision": "float64", "suboptimality_every": 2},
    )
    whole = finished(config)
    for step in (1, 5, 12):
        first, second = cut_and_resumed(config, step)
        assert_same(whole, first, second)
        for name in ("suboptimality", "coordinate/1", "evaluations"):
            assert first.column(name) | second.column(name) == whole.column(name)


def test_a_search_begun_after_the_clip_was_taken_off_goes_on():
    config = tiny_config(training={"clip_grad_norm": 1.0})
    before = [(3, cmd.SetClip(value=0.0)), (3, cmd.SetOptimizer.model_validate({"optimizer": {"kind": "lbfgs"}}))]
    whole = TrainerHarness(config)
    for at, command in before:
        whole.steps(at - whole.trainer.state.step)
        whole.control.put(command)
    whole.finish()
    assert whole.column("evaluations")
    first, second = cut_and_resumed(config, 9, before=before)
    assert_same(whole, first, second)
    assert first.column("evaluations") | second.column("evaluations") == whole.column("evaluations")


def test_with_a_linear_model_in_float64():
    config = tiny_config(
        data={"kind": "least-squares", "samples": 100, "batch_size": 20},
        model={"kind": "linear", "bias": False},
        loss={"kind": "half-mse"},
        optimizer={"kind": "bfgs"},
        training={"precision": "float64", "suboptimality_every": 1},
    )
    whole = finished(config)
    first, second = cut_and_resumed(config, 7)
    assert_same(whole, first, second)
    assert first.column("suboptimality") | second.column("suboptimality") == whole.column("suboptimality")


@pytest.mark.parametrize("watch", ["val_loss", "val_error", "train_loss"])
def test_with_what_schedules_and_patience_remember(watch):
    config = tiny_config(
        optimizer={"lr": 1.0},
        scheduler={"kind": "plateau", "patience": 1, "watch": watch, "threshold": 0.1},
        training={"epochs": 12},
        early_stopping={"enabled": True, "patience": 4, "monitor": "val_accuracy"},
    )
    whole = finished(config)
    for step in (4, 17, 23):
        first, second = cut_and_resumed(config, step)
        assert_same(whole, first, second)


def test_regression_sums_do_not_depend_on_where_they_were_read():
    config = tiny_config(data={"kind": "least-squares", "batch_size": 20}, optimizer={"lr": 0.01})
    whole = finished(config)
    for step in (1, 7, 13):
        first, second = cut_and_resumed(config, step)
        assert_same(whole, first, second)


def test_interventions_before_the_cut_and_waiting_at_it_hold_after_it():
    before = [(3, cmd.SetLearningRate(factor=0.5)), (5, cmd.SetEpochs(value=6)), (7, cmd.SetClip(value=0.1))]
    whole = TrainerHarness(CONFIG)
    for at, command in before:
        whole.steps(at - whole.trainer.state.step)
        whole.control.put(command)
    whole.finish()
    first, second = cut_and_resumed(CONFIG, 9, before=before)
    assert_same(whole, first, second)
    first, second = cut_and_resumed(CONFIG, 9, before=[*before, (9, cmd.Stop(when="epoch"))])
    assert second.of(ev.RunFinished)[0].reason == "stopped"
    assert second.of(ev.RunFinished)[0].step == 10


@pytest.fixture
def folder(tmp_path):
    made = RunDir(tmp_path / "run")
    made.create("", {}, Owner(1, "here", ""))
    yield made
    made.release()


def test_the_checkpoint_before_is_used_where_the_last_is_torn_or_altered(folder):
    config = tiny_config(checkpoints={"every_steps": 4})
    bench = TrainerHarness(config, folder)
    bench.steps(14)
    last = folder.checkpoints / "last.safetensors"
    assert load(last)["step"] == 12
    last.write_bytes(last.read_bytes()[:-10])
    again = TrainerHarness(config)
    assert any(
        "skipped" in line
        for line in restore_last(again.trainer.state, again.trainer.services, folder.checkpoints).messages
    )
    assert again.trainer.state.step == 8
    again.finish()
    whole = finished(config)
    assert {step: loss for step, loss in whole.column("train_loss").items() if step > 8} == again.column("train_loss")


def test_without_a_checkpoint_the_run_begins_anew(folder):
    bench = TrainerHarness(tiny_config())
    assert restore_last(bench.trainer.state, bench.trainer.services, folder.checkpoints).reached == 0
    assert bench.trainer.state.step == 0


def test_the_best_epoch_is_found_whatever_moment_the_crash_picked(folder, monkeypatch):
    from tui_trainer.engine.checkpointing import checkpointer

    bench = TrainerHarness(
        tiny_config(optimizer={"lr": 0.2}, training={"epochs": 9}, checkpoints={"every_steps": 5}), folder
    )
    bench.steps(6)
    promote = checkpointer.Checkpointer._promote_best
    for does in (promote, lambda self: False, promote, lambda self: False):
        monkeypatch.setattr(checkpointer.Checkpointer, "_promote_best", does)
        bench.steps(5)
        saved = load(folder.checkpoints / "last.safetensors")["progress"]["judge"]["best"]
        found, _ = find_best(folder.checkpoints, saved["step"])
        assert found is not None
        assert found["step"] == saved["step"]
    # The run was killed between the new best and the `last` that names it: the old pair still belongs together.
    saved = load(folder.checkpoints / "last.safetensors")["progress"]["judge"]["best"]
    monkeypatch.setattr(checkpointer, "LAST", "elsewhere")
    bench.steps(5)
    assert find_best(folder.checkpoints, saved["step"])[0] is not None


def test_a_best_epoch_that_had_not_taken_its_name_takes_it_when_the_run_goes_on(folder, monkeypatch):
    from tui_trainer.engine.checkpointing import checkpointer

    config = tiny_config(optimizer={"lr": 0.2}, training={"epochs": 9}, checkpoints={"every_steps": 5})
    monkeypatch.setattr(checkpointer.Checkpointer, "_promote_best", lambda self: False)  # as if killed just before
    first = TrainerHarness(config, folder)
    first.steps(12)
    monkeypatch.undo()
    named = folder.checkpoints / "best.safetensors"
    assert not named.exists()
    again = TrainerHarness(config)
    restore_last(again.trainer.state, again.trainer.services, folder.checkpoints)
    again.trainer.begin(folder)
    again.finish()
    assert load(named)["step"] == again.trainer.services.early_stopper.best.step


def test_the_best_epoch_that_last_names_outlives_a_better_one_after_which_the_loss_broke(folder):
    config = tiny_config(training={"epochs": 9}, checkpoints={"every_steps": 7})
    bench = TrainerHarness(config, folder)
    bench.steps(9)  # saved after 7 steps, the best epoch being the one after 5
    bench.control.put(cmd.SetLearningRate(value=1e30))
    assert bench.finish().reason == "not-finite"
    assert load(folder.checkpoints / "last.safetensors")["step"] == 7
    again = TrainerHarness(config)
    restore_last(again.trainer.state, again.trainer.services, folder.checkpoints)
    assert again.trainer.services.early_stopper.best is not None
    assert again.trainer.services.early_stopper.best.step == 5
    assert again.trainer.state.best_weights is not None


def test_epochs_are_kept_as_many_as_asked(folder):
    TrainerHarness(tiny_config(training={"epochs": 6}, checkpoints={"keep": 2, "every_steps": 5}), folder).finish()
    kept = sorted(path.name for path in folder.checkpoints.glob("epoch-*"))
    assert kept == ["epoch-00005.safetensors", "epoch-00006.safetensors"]


def test_epochs_of_a_branch_that_was_left_go_before_those_of_the_one_that_goes_on(folder):
    bench = TrainerHarness(tiny_config(training={"epochs": 12}, checkpoints={"keep": 2, "every_epochs": 1}), folder)
    bench.steps(12)
    bench.control.put(cmd.SaveCheckpoint(name="epoch-1-good"))
    bench.control.put(cmd.SaveCheckpoint(name="epoch-00001"))
    bench.control.put(cmd.SetLearningRate(value=0.3, id="rate"))
    bench.steps(30)
    bench.control.put(cmd.Undo())
    bench.steps(9)
    kept = sorted(path.name.partition(".")[0] for path in folder.checkpoints.glob("epoch-*"))
    assert kept == ["epoch-00003", "epoch-00004", "epoch-1-good"]
    assert bench.of(ev.Refused)[0].reason == "'epoch-00001' is a reserved checkpoint name"


def test_epochs_are_counted_and_not_sorted_as_words(folder):
    bench = TrainerHarness(tiny_config(checkpoints={"keep": 2}), folder)
    bench.save()
    assert bench.trainer.services.checkpointer is not None
    for epoch in (99_999, 100_000, 100_001):
        bench.trainer.services.checkpointer.keep_epoch(epoch)
    kept = sorted(path.name for path in folder.checkpoints.glob("epoch-*"))
    assert kept == ["epoch-100000.safetensors", "epoch-100001.safetensors"]


def record_of(*benches: TrainerHarness) -> RunHistory:
    record = RunHistory()
    for event in (event for bench in benches for event in bench.events):
        record.add(event)
    return record


def taken_up(config, first: TrainerHarness, *commands: cmd.AnyCommand) -> TrainerHarness:
    """Another trainer, brought to where the first one ended, its commands obeyed before the first batch."""
    data = bytearray(serialise(first.state_dict() | {"journal": {"bytes": 0}}))
    second = TrainerHarness(config)
    second.events.clear()
    second.load_state_dict(parse(data, "x"))
    second.trainer.state.best_weights = first.trainer.state.best_weights
    second.trainer.begin(None)
    for command in commands:
        second.control.put(command)
    return second


def replayed(config, record: RunHistory) -> RunHistory:
    again = TrainerHarness(config)
    again.trainer.follow(record.interventions)
    again.finish()
    return record_of(again)


def test_a_finished_run_that_is_made_longer_goes_on_and_replays():
    first = finished(CONFIG)
    second = taken_up(CONFIG, first, cmd.SetEpochs(value=6, id="longer"))
    assert second.finish().epoch == 6
    record = record_of(first, second)
    assert record.last_step == 30
    assert first_difference(record, replayed(CONFIG, record)) == ""


def test_a_run_that_stopped_early_and_waits_longer_goes_on_and_replays():
    config = tiny_config(
        optimizer={"lr": 3.0},
        training={"epochs": 30},
        early_stopping={"enabled": True, "patience": 2, "restore_best": True},
    )
    first = finished(config)
    assert first.of(ev.RunFinished)[0].reason == "early-stopped"
    second = taken_up(config, first, cmd.SetPatience(patience=9, id="patience"))
    second.finish()
    record = record_of(first, second)
    assert record.last_step > first.trainer.state.step
    assert first_difference(record, replayed(config, record)) == ""


@pytest.mark.parametrize("best", [False, True])
def test_a_run_that_was_stopped_in_an_epoch_and_taken_up_replays_to_its_end(best):
    first = TrainerHarness(CONFIG)
    first.steps(8)
    first.control.put(cmd.SetLearningRate(factor=0.5, id="rate"))
    first.steps(5)
    first.control.put(cmd.Stop(restore_best=best, id="stop"))
    first.finish()
    second = taken_up(CONFIG, first)
    second.finish()
    record = record_of(first, second)
    assert record.last_step == 20
    assert not any(isinstance(command, cmd.Stop) for _, command in record.interventions)
    assert first_difference(record, replayed(CONFIG, record)) == ""


def test_what_was_refused_because_the_run_was_ending_is_not_asked_again():
    bench = TrainerHarness(CONFIG)
    bench.steps(7)
    bench.control.put(cmd.Stop(by="SIGTERM", reason="interrupted"))
    bench.control.put(cmd.Stop(by="SIGTERM", reason="interrupted"))
    bench.finish()
    assert bench.state_dict()["progress"]["pending"] == []
    assert taken_up(CONFIG, bench).finish().reason == "completed"


def test_a_replay_that_was_cut_goes_on_with_its_script():
    config = CONFIG
    record = RunHistory(interventions=[(3, cmd.SetClip(value=0.1)), (14, cmd.SetLearningRate(factor=0.5))])
    whole = TrainerHarness(config)
    whole.trainer.follow(record.interventions)
    whole.finish()
    first = TrainerHarness(config)
    first.trainer.follow(record.interventions)
    first.steps(9)
    first.flush()
    second = taken_up(config, first)
    second.finish()
    assert_same(whole, first, second)


def test_saves_come_every_so_many_epochs_where_that_is_asked(folder):
    config = tiny_config(training={"epochs": 6}, checkpoints={"keep": 9, "every_epochs": 2, "every_seconds": 1000})
    TrainerHarness(config, folder).finish()
    kept = sorted(path.stem for path in folder.checkpoints.glob("epoch-*"))
    assert kept == ["epoch-00002", "epoch-00004", "epoch-00006"]
