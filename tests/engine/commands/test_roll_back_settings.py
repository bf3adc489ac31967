"""A roll-back restores weights and never settings."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.protocol import commands as cmd

OPTIMIZERS: TypeAdapter[AnyOptimizer] = TypeAdapter(AnyOptimizer)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"kind": "adam"}, {"kind": "adam", "weight_decay": 0.5, "betas": [0.5, 0.9]}),
        ({"kind": "adam"}, {"kind": "adam", "amsgrad": True}),
        ({"kind": "sgd", "lr": 0.01, "momentum": 0.9}, {"kind": "sgd", "lr": 0.01}),
        ({"kind": "lbfgs"}, {"kind": "lbfgs", "line_search_fn": "strong_wolfe", "history_size": 5}),
        ({"kind": "adagrad"}, {"kind": "adagrad", "eps": 1e-4}),
        ({"kind": "adam"}, {"kind": "sgd", "lr": 0.01, "nesterov": True, "momentum": 0.9}),
    ],
)
def test_the_settings_in_force_stay(first: dict[str, Any], second: dict[str, Any]):
    bench = TrainerHarness(tiny_config(optimizer=first))
    bench.steps(7)
    bench.control.put(cmd.SetOptimizer(optimizer=OPTIMIZERS.validate_python(second)))
    bench.steps(1)
    optimizer = bench.trainer.services.optimizer

    def in_force() -> dict[str, Any]:
        return {name: value for name, value in optimizer.torch_optimizer.param_groups[0].items() if name != "params"}

    before = in_force()
    bench.control.put(cmd.RollBack(to="best"))
    bench.steps(2)
    assert in_force() == before
