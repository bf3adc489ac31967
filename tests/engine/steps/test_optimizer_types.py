"""Every tensor of a restored optimizer has the type it had, so that the steps after it have the same bits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.base import choices
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.engine.checkpointing.file_format import parse, serialise
from tui_trainer.engine.checkpointing.state_tree import flatten
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd

KINDS = [kind for kind in choices(AnyOptimizer) if kind not in ("sparse-adam", "import")]
"""All but one that needs a model with sparse gradients, and code of the user's own (tests/engine/own)."""


def state_of(bench: TrainerHarness) -> dict[str, Tensor]:
    return flatten(bench.trainer.services.optimizer.state_dict())[1]


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_of_every_optimizer(kind, precision):
    try:
        config = tiny_config(optimizer={"kind": kind}, training={"precision": precision, "epochs": 2})
        whole = TrainerHarness(config)
    except UserError as error:
        if precision != "bfloat16":  # an optimizer may refuse a short precision
            raise
        pytest.skip(str(error))
    whole.steps(3)
    whole.flush()
    data = bytearray(serialise(whole.state_dict() | {"journal": {"bytes": 0}}))
    other = TrainerHarness(config)
    other.load_state_dict(parse(data, "x"))
    before, after = state_of(whole), state_of(other)
    assert {name: tensor.dtype for name, tensor in after.items()} == {
        name: tensor.dtype for name, tensor in before.items()
    }
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    whole.finish()
    other.finish()
    weights = whole.trainer.services.setup.model.state_dict()
    restored = other.trainer.services.setup.model.state_dict()
    assert all(torch.equal(restored[name], value) for name, value in weights.items())


@pytest.mark.parametrize("kind", ["nadam", "asgd"])
def test_an_undo_in_double_precision_keeps_the_bits(kind):
    config = tiny_config(optimizer={"kind": kind}, training={"precision": "float64"})
    whole, bench = TrainerHarness(config), TrainerHarness(config)
    whole.finish()
    bench.steps(7)
    bench.control.put(cmd.SetClip(value=0.01))
    bench.steps(2)
    bench.control.put(cmd.Undo())
    bench.finish()
    assert {s: v for s, v in bench.column("train_loss").items() if s > 9} == {
        s: v for s, v in whole.column("train_loss").items() if s > 9
    }
