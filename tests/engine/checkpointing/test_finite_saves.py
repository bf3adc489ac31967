"""Nothing that is not finite is saved, and a run that broke never ends as if it had not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.checkpointing.file_format import load
from tui_trainer.engine.checkpointing.restore import restore_last
from tui_trainer.engine.monitoring.finiteness import FiniteCheck
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import Owner, RunDir


@pytest.fixture
def folder(tmp_path) -> RunDir:
    folder = RunDir(tmp_path / "run")
    folder.create("", {}, Owner(1, "here", ""))
    return folder


def break_model(bench: TrainerHarness) -> None:
    """Put one NaN where the next loss, which nobody has computed yet, would show it."""
    with torch.no_grad():
        bench.trainer.services.setup.parameters[0].view(-1)[0] = torch.nan


def break_optimizer(bench: TrainerHarness) -> None:
    state = bench.trainer.services.optimizer.torch_optimizer.state
    next(iter(state.values()))["exp_avg_sq"].view(-1)[0] = torch.inf


SAVED_EACH_EPOCH = {"every_epochs": 1, "every_seconds": 1e9}
CONFIG = tiny_config(optimizer={"kind": "adam"}, checkpoints=SAVED_EACH_EPOCH)


def test_a_step_that_runs_away_within_itself_is_no_completed_run(folder):
    config = tiny_config(
        data={"kind": "sine", "samples": 100, "sampling": "full"},
        model={"activation": "relu"},
        loss={"kind": "mse"},
        optimizer={"kind": "lbfgs", "lr": 30.0},
        training={"epochs": 1},
        checkpoints={"every_epochs": 1},
    )
    bench = TrainerHarness(config, folder)
    finished = bench.finish()
    assert (finished.reason, finished.exit_code) == ("not-finite", 1)
    broke = bench.of(ev.LossBroke)[0]
    assert finished.detail.startswith(f"{broke.what} became NaN by step 1")
    found = next(event for event in bench.of(ev.Diagnosed) if event.finding == "NAN")
    assert found.evidence.startswith(f"{broke.what} became nan by step 1")
    assert "divide the learning rate by 10; lbfgs has line_search_fn=strong_wolfe" in found.advice
    assert not list(folder.checkpoints.glob("*.safetensors"))


@pytest.mark.parametrize("spoil", [break_model, break_optimizer])
@pytest.mark.parametrize(
    "ends",
    [
        lambda bench: bench.control.put(cmd.Stop()),
        lambda bench: bench.control.put(cmd.Stop(by="SIGTERM", reason="interrupted")),
        lambda bench: bench.control.put(cmd.Stop(restore_best=True)),
        lambda bench: bench.save(),
        lambda bench: bench.control.put(cmd.SaveCheckpoint(name="mine")),
    ],
    ids=["stop", "SIGTERM", "stop with the best weights", "save", "named save"],
)
def test_last_stays_the_newest_finite_one_and_the_run_can_be_resumed(folder, spoil, ends):
    bench = TrainerHarness(CONFIG, folder)
    bench.steps(6)
    spoil(bench)
    ends(bench)
    finished = bench.finish()
    assert (finished.reason, finished.exit_code) == ("not-finite", 1)
    first = bench.of(ev.LossBroke)[0].what
    assert first in [event.evidence.split(" became ")[0] for event in bench.of(ev.Diagnosed)]
    last = bench.of(ev.LossBroke)[-1].what
    assert f"{last} became " in finished.detail
    assert not (folder.checkpoints / "mine.safetensors").exists()
    for path in folder.checkpoints.glob("*.safetensors"):
        assert all(tensor.isfinite().all() for tensor in load(path)["model"].values())
    assert load(folder.checkpoints / "last.safetensors")["step"] == 5
    resumed = TrainerHarness(CONFIG)
    restore_last(resumed.trainer.state, resumed.trainer.services, folder.checkpoints)
    assert resumed.trainer.state.step == 5
    assert resumed.finish().reason == "completed"


def test_weights_that_broke_at_the_end_of_an_epoch_are_neither_best_nor_last(folder):
    config = tiny_config(
        optimizer={"kind": "adam"}, early_stopping={"monitor": "train_loss"}, checkpoints=SAVED_EACH_EPOCH
    )
    bench = TrainerHarness(config, folder)
    bench.steps(10)
    break_model(bench)
    finished = bench.finish()
    assert (finished.reason, finished.exit_code) == ("not-finite", 1)
    assert [event.epoch for event in bench.of(ev.EpochEnded)] == [1]
    for name in ("last", "best"):
        assert load(folder.checkpoints / f"{name}.safetensors")["step"] == 5


def test_a_broken_run_is_saved_under_a_name_only_when_asked(folder):
    bench = TrainerHarness(CONFIG, folder)
    bench.steps(6)
    break_model(bench)
    bench.control.put(cmd.SaveCheckpoint(name="refused"))
    bench.control.put(cmd.SaveCheckpoint(name="examined", broken=True))
    bench.control.put(cmd.Stop())
    assert bench.finish().reason == "not-finite"
    assert [event.cause.type for event in bench.of(ev.Refused) if event.cause] == ["SaveCheckpoint", "Stop"]
    assert "broken=true" in bench.of(ev.Refused)[0].reason
    assert [path.stem for path in folder.checkpoints.glob("[re]*.safetensors") if "epoch" not in path.stem] == [
        "examined"
    ]
    saved = load(folder.checkpoints / "examined.safetensors")["model"].values()
    assert any(tensor.isnan().any() for tensor in saved)


def test_no_roll_back_to_weights_that_are_not_finite(folder):
    bench = TrainerHarness(CONFIG, folder)
    bench.steps(6)
    break_model(bench)
    bench.control.put(cmd.SaveCheckpoint(name="examined", broken=True))
    bench.finish()
    other = TrainerHarness(CONFIG, folder)
    other.steps(2)
    other.control.put(cmd.RollBack(to="examined"))
    assert other.finish().reason == "completed"
    assert "not finite" in other.of(ev.Refused)[0].reason


def test_a_loss_that_broke_before_a_stop_is_the_reason_of_the_end():
    bench = TrainerHarness(tiny_config())
    bench.steps(2)
    break_model(bench)
    bench.steps(1)
    bench.control.put(cmd.Stop())
    finished = bench.finish()
    assert (finished.reason, finished.exit_code) == ("not-finite", 1)
    assert "the run is ending" in bench.of(ev.Refused)[0].reason


def test_masks_of_minus_infinity_and_numbers_near_the_largest_are_healthy():
    model = nn.Linear(3, 3)
    model.register_buffer("mask", torch.full((3, 3), -torch.inf))
    model.register_buffer("seen", torch.zeros(2))
    check = FiniteCheck(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.no_grad():
        model.weight.fill_(torch.finfo(torch.float32).max)
    assert check.first_broken(optimizer) is None
    model.get_buffer("seen")[1] = -torch.inf
    found = check.first_broken(optimizer)
    assert found is not None
    assert found[0] == "seen"
