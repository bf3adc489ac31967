"""Gradient accumulation: the steps of the large batch, counted as steps; and the average of the weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.checkpointing.file_format import parse, serialise
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev


def losses(bench: TrainerHarness) -> list[float | None]:
    bench.flush()
    return list(bench.column("train_loss").values())


def weights(bench: TrainerHarness) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in bench.trainer.services.setup.model.parameters()]


@pytest.mark.parametrize("fast_path", ["auto", "off"])
@pytest.mark.parametrize("optimizer", [{"kind": "sgd", "lr": 0.1, "momentum": 0.9}, {"kind": "adam", "lr": 0.01}])
def test_the_steps_are_those_of_the_large_batch(optimizer, fast_path):
    """96 training samples: a step has 40, in parts of 10; the last of an epoch has 16, in parts of 10 and 6."""
    tables: dict[str, Any] = {
        "optimizer": optimizer,
        "scheduler": {"kind": "cosine", "warmup": 2},
        "training": {"epochs": 4, "clip_grad_norm": 0.4, "norm_every": 1, "fast_path": fast_path},
    }
    large = TrainerHarness(tiny_config(data={"batch_size": 40}, **tables))
    tables["training"]["accumulate"] = 4
    parts = TrainerHarness(tiny_config(data={"batch_size": 10}, **tables))
    for bench in (large, parts):
        bench.finish()
        assert bench.of(ev.RunStarted)[0].steps_per_epoch == 3
        assert bench.of(ev.RunStarted)[0].batch_size == 40
    assert list(parts.column("lr").items()) == list(large.column("lr").items())
    assert losses(parts) == pytest.approx(losses(large), abs=1e-6)
    assert list(parts.column("grad_norm").values()) == pytest.approx(list(large.column("grad_norm").values()), abs=1e-6)
    for one, other in zip(weights(parts), weights(large), strict=True):
        assert torch.allclose(one, other, atol=1e-6, rtol=0)


def test_all_samples_in_parts():
    whole = TrainerHarness(tiny_config(data={"sampling": "full"}))
    parts = TrainerHarness(tiny_config(data={"sampling": "full"}, training={"accumulate": 5}))
    assert parts.trainer.services.setup.part_size == 20
    whole.finish()
    parts.finish()
    assert losses(parts) == pytest.approx(losses(whole), abs=1e-6)


def test_a_run_with_accumulation_dropout_and_average_goes_on_to_the_bit():
    config = tiny_config(
        model={"kind": "mlp", "hidden": [8], "dropout": 0.3},
        data={"batch_size": 7},
        training={"accumulate": 3, "average": 0.9},
    )
    whole, first, second = TrainerHarness(config), TrainerHarness(config), TrainerHarness(config)
    whole.finish()
    first.steps(7)
    first.flush()
    second.load_state_dict(parse(bytearray(serialise(first.state_dict() | {"journal": {}})), "x"))
    second.finish()
    assert losses(second) == losses(whole)[7:]
    assert second.of(ev.EpochEnded)[-1].metrics == whole.of(ev.EpochEnded)[-1].metrics
    undone = TrainerHarness(config)
    undone.steps(6)
    undone.control.put(cmd.SetClip(id="a", value=0.01))
    undone.steps(5)
    undone.control.put(cmd.Undo(id="b"))
    undone.finish()
    assert undone.of(ev.EpochEnded)[-1].metrics == whole.of(ev.EpochEnded)[-1].metrics


def test_an_optimizer_with_a_closure_is_refused():
    with pytest.raises(UserError, match=r"lbfgs.*training\.accumulate"):
        TrainerHarness(tiny_config(optimizer={"kind": "lbfgs"}, training={"accumulate": 2}))
    bench = TrainerHarness(tiny_config(training={"accumulate": 2}))
    bench.control.put(cmd.SetOptimizer(id="a", optimizer={"kind": "lbfgs"}))
    bench.steps(1)
    assert "training.accumulate" in bench.of(ev.Refused)[-1].reason


def test_the_average_is_that_of_torch_and_is_validated_beside_the_weights():
    bench = TrainerHarness(tiny_config(training={"epochs": 3, "average": 0.8}))
    setup = bench.trainer.services.setup
    twin = AveragedModel(setup.model, multi_avg_fn=get_ema_multi_avg_fn(0.8))
    for _ in range(15):
        bench.steps(1)
        twin.update_parameters(setup.model)
    bench.finish()
    average = setup.average
    assert average is not None
    before = weights(bench)
    with average.in_model():
        averaged = weights(bench)
    assert all(torch.equal(one, other) for one, other in zip(averaged, twin.module.parameters(), strict=True))
    assert all(torch.equal(one, other) for one, other in zip(before, weights(bench), strict=True))
    data = setup.data.validation
    expected = torch.nn.functional.cross_entropy(twin.module(data.inputs), data.targets).item()
    metrics = bench.of(ev.EpochEnded)[-1].metrics
    assert metrics["average/val_loss"] == pytest.approx(expected, abs=1e-6)
    assert metrics["average/val_loss"] != metrics["val_loss"]
    assert "average/val_accuracy" in metrics


def test_the_best_epoch_can_follow_the_average_and_holds_it():
    config = tiny_config(
        optimizer={"kind": "sgd", "lr": 2.0},
        training={"epochs": 6, "average": 0.9},
        early_stopping={"enabled": True, "monitor": "average/val_loss", "patience": 2},
    )
    bench = TrainerHarness(config)
    bench.finish()
    values = [event.metrics["average/val_loss"] for event in bench.of(ev.EpochEnded)]
    best = bench.of(ev.EpochEnded)[-1].best
    assert best is not None
    assert best.value == min(values)
    tree = bench.trainer.state.best_weights
    assert tree is not None
    assert set(tree["average"]["values"]) == set(dict(bench.trainer.services.setup.model.named_parameters()))


def test_a_run_saved_without_an_average_begins_one_with_its_weights():
    first = TrainerHarness(tiny_config())
    first.steps(4)
    second = TrainerHarness(tiny_config(training={"average": 0.9}))
    second.load_state_dict(first.state_dict())
    average = second.trainer.services.setup.average
    assert average is not None
    with average.in_model():
        assert all(torch.equal(one, other) for one, other in zip(weights(first), weights(second), strict=True))


def test_an_average_that_is_not_measured_cannot_be_monitored():
    with pytest.raises(ValueError, match=r"training\.average"):
        tiny_config(early_stopping={"monitor": "average/val_loss"})
