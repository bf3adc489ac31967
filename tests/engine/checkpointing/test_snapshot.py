"""A snapshot holds everything that decides the next step: from it, the same steps have the same bits again."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.engine.pictures.test_recorder import showing
from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing.snapshot import restore_snapshot, take_snapshot
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

PLAIN: dict[str, Any] = {
    "model": {"hidden": [8, 8], "dropout": 0.3},
    "scheduler": {"kind": "cosine", "warmup": 3},
    "training": {"clip_grad_norm": 0.5, "probe_every": 4, "layers_every": 3},
}
BATCH_NORM = {**PLAIN, "model": {"kind": "import", "path": "tests.engine.checkpointing.test_snapshot:batch_norm_net"}}
CONFIGS = {
    "sgd with momentum": tiny_config(**PLAIN, optimizer={"kind": "sgd", "momentum": 0.9, "lr": 0.1}),
    "adam": tiny_config(**PLAIN, optimizer={"kind": "adam", "lr": 0.02}),
    "adagrad": tiny_config(**PLAIN, optimizer={"kind": "adagrad", "lr": 0.1}),
    "batch norm": tiny_config(**BATCH_NORM, optimizer={"kind": "rmsprop", "lr": 0.01}),
    "lbfgs": tiny_config(optimizer={"kind": "lbfgs", "max_iter": 3}),
    "bfgs": tiny_config(optimizer={"kind": "bfgs", "lr": 0.5}, training={"precision": "float64"}),
    "plateau": tiny_config(
        optimizer={"lr": 1.0}, scheduler={"kind": "plateau", "patience": 0, "watch": "train_loss", "threshold": 0.3}
    ),
    "mixed precision": tiny_config(training={"precision": "bfloat16"}),
    "without the fast path": tiny_config(**{**PLAIN, "training": {"fast_path": "off"}}),
    "path picture": showing(
        ["path"],
        data={"kind": "quadratic"},
        model={"kind": "point"},
        optimizer={"lr": 1e-3},
        training={"epochs": 40},
    ),
}


def batch_norm_net(inputs: tuple[int, ...], outputs: int) -> torch.nn.Module:
    """A model whose buffers change in every step."""
    nn = torch.nn
    return nn.Sequential(nn.Linear(inputs[0], 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, outputs))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("at", [3, 5, 9])
def test_steps_after_a_restored_snapshot_have_the_same_bits(config: RunConfig, at: int) -> None:
    bench = TrainerHarness(config)
    state, services = bench.trainer.state, bench.trainer.services
    bench.steps(at)
    snapshot = take_snapshot(state, services)
    seen: list[tuple[dict[int, float | None], dict[str, Any], dict[str, Any]]] = []
    for again in range(3):
        begun = len(bench.events)
        while state.step < at + 8:
            bench.steps(1)
        bench.flush()
        losses = {
            step: loss
            for event in bench.events[begun:]
            if isinstance(event, ev.Scalars) and "train_loss" in event.values
            for step, loss in zip(event.steps, event.values["train_loss"], strict=True)
        }
        tree = copied(bench.state_dict())
        seen.append((losses, tree["model"], tree["progress"]))
        if again == 0:  # what happened in between leaves no trace
            bench.control.put(cmd.SetOptimizer.model_validate({"optimizer": {"kind": "sgd", "lr": 1e-3}}))
            bench.control.put(cmd.SetEpochs(add=2))
            bench.steps(2)
        restore_snapshot(state, services, snapshot)
    (losses, weights, progress), *others = seen
    assert list(losses) == list(range(at + 1, at + 9))
    for other_losses, other_weights, other_progress in others:
        assert other_losses == losses
        assert all(torch.equal(weights[name], value) for name, value in other_weights.items())
        for name in ("position", "epochs", "plan", "judge", "metric", "metrics", "epoch_loss", "epoch_samples"):
            assert other_progress[name] == progress[name]


def test_a_snapshot_is_a_copy() -> None:
    bench = TrainerHarness(CONFIGS["adam"])
    bench.steps(4)
    snapshot = take_snapshot(bench.trainer.state, bench.trainer.services)
    weights = {name: value.clone() for name, value in snapshot.tree["model"].items()}
    bench.steps(5)
    assert all(torch.equal(weights[name], value) for name, value in snapshot.tree["model"].items())
    assert snapshot.bytes > sum(value.numel() * value.element_size() for value in weights.values())
