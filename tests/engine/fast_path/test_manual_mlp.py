"""Passes without autograd: every bit as autograd has it, or none at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.fast_path import manual_mlp as module
from tui_trainer.engine.fast_path.manual_mlp import manual_mlp_for
from tui_trainer.nn.objectives import Classes, Logits, Objective, Values
from tui_trainer.protocol import events as ev

F = nn.functional

NETS: dict[str, Callable[[], nn.Sequential]] = {
    "linear": lambda: nn.Sequential(nn.Linear(6, 3)),
    "no bias": lambda: nn.Sequential(nn.Linear(6, 5, bias=False), nn.ReLU(), nn.Linear(5, 3, bias=False)),
    "relu": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)
    ),
    "tanh": lambda: nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)),
    "dropout": lambda: nn.Sequential(nn.Linear(6, 40), nn.Sigmoid(), nn.Dropout(0.4), nn.Linear(40, 3)),
    "dropout at both ends": lambda: nn.Sequential(nn.Linear(6, 9), nn.Dropout(0.1), nn.Linear(9, 3), nn.Dropout(0.2)),
    "head": lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3), nn.Sigmoid()),
}
COSTS: dict[str, tuple[Objective, bool]] = {
    "cross-entropy": (Logits(), True),
    "smoothed": (Classes(lambda outputs, classes: F.cross_entropy(outputs, classes, label_smoothing=0.1)), True),
    "mse": (Values(F.mse_loss), False),
}


def batch(size: int, step: int, *, classes: bool, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    inputs = torch.randn(size, 2, 3, generator=generator).to(dtype)
    if classes:
        return inputs, torch.randint(3, (size,), generator=generator)
    return inputs, torch.randn(size, 3, generator=generator).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("net", NETS)
def test_every_bit_is_autograds(net: str, cost: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model, (objective, classes) = NETS[net]().to(dtype).train(), COSTS[cost]
    flat = not isinstance(model[0], nn.Flatten)
    found: Any = None
    for step, size in enumerate((16, 16, 5, 1, 16)):  # an epoch's last batch is smaller
        inputs, targets = batch(size, step, classes=classes, dtype=dtype)
        inputs = inputs.flatten(1) if flat else inputs
        if found is None:
            found = manual_mlp_for(model, objective, inputs, targets)
            assert found is not None
        torch.manual_seed(step)
        model.zero_grad()
        outputs = model(inputs)
        loss = objective(outputs, targets)
        loss.backward()
        wanted = [parameter.grad for parameter in model.parameters()]
        state = torch.get_rng_state()
        torch.manual_seed(step)
        mine, said = found(inputs, targets)
        assert torch.equal(mine, loss)
        assert torch.equal(said, outputs)
        assert torch.equal(torch.get_rng_state(), state)
        for one, parameter in zip(wanted, model.parameters(), strict=True):
            assert one is not parameter.grad
            assert torch.equal(one, parameter.grad)
            parameter.data -= 0.05 * one


class Own(nn.Sequential):
    """Somebody's own: what its forward does is not known."""


def frozen() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    model[0].weight.requires_grad_(False)
    return model


def tied() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))
    model[2].weight = model[0].weight
    return model


def hooked() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(6, 3))
    model[0].register_forward_hook(lambda *_: None)
    return model


def watched() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(6, 3))
    model[0].weight.register_hook(lambda slope: slope * 2)
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)),
        lambda: nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3)),
        lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Tanh(), nn.Linear(8, 3)),
        lambda: nn.Sequential(nn.ReLU(), nn.Linear(6, 3)),
        lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 3)),
        lambda: nn.Sequential(nn.Linear(6, 8), nn.Sequential(nn.ReLU()), nn.Linear(8, 3)),
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 3))),
        lambda: Own(nn.Linear(6, 3)),
        lambda: nn.Linear(6, 3),
        frozen,
        tied,
        hooked,
        watched,
    ],
)
def test_what_is_no_plain_chain_goes_through_autograd(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    inputs, targets = batch(16, 0, classes=True, dtype=torch.float32)
    assert manual_mlp_for(make(), Logits(), inputs.flatten(1), targets) is None


def test_a_chain_on_inputs_of_another_shape_goes_through_autograd() -> None:
    model = nn.Sequential(nn.Linear(3, 3))  # of each row of the inputs
    inputs, _ = batch(16, 0, classes=True, dtype=torch.float32)
    assert manual_mlp_for(model, Values(F.mse_loss), inputs, torch.zeros(16, 2, 3)) is None


def test_a_kernel_that_gives_other_bits_is_not_relied_upon(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, targets = batch(16, 0, classes=True, dtype=torch.float32)
    model = NETS["relu"]()
    assert manual_mlp_for(model, Logits(), inputs, targets) is not None
    function, derivative = module._ACTIVATIONS[nn.ReLU]
    changed = (function, lambda slope, out: derivative(slope, out) * (1 + 1e-7))
    monkeypatch.setitem(module._ACTIVATIONS, nn.ReLU, changed)
    assert manual_mlp_for(model, Logits(), inputs, targets) is None


def test_trying_it_leaves_nothing_behind() -> None:
    inputs, targets = batch(16, 0, classes=True, dtype=torch.float32)
    model = NETS["dropout"]().eval()
    before = [parameter.clone() for parameter in model.parameters()]
    state = torch.get_rng_state()
    assert manual_mlp_for(model, Logits(), inputs.flatten(1), targets) is not None
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    for parameter, was in zip(model.parameters(), before, strict=True):
        assert parameter.grad is None
        assert torch.equal(parameter, was)


def trained(config: RunConfig, *, through_autograd: bool) -> TrainerHarness:
    bench = TrainerHarness(config)
    if through_autograd:
        assert bench.trainer.shop.passes is not None
        bench.trainer.shop.passes = None
    bench.finish()
    return bench


@pytest.mark.parametrize("loss", ["cross-entropy", "bce-with-logits", "hinge"])
def test_a_whole_run_is_the_same_run(loss: str) -> None:
    config = tiny_config(
        loss={"kind": loss},
        model={"hidden": [8, 8], "dropout": 0.3},
        optimizer={"kind": "adam", "lr": 0.02},
        training={"clip_grad_norm": 0.5, "layers_every": 3, "probe_every": 4},
    )
    one, two = (trained(config, through_autograd=way) for way in (False, True))
    assert one.column("train_loss") == two.column("train_loss")
    assert one.column("grad_norm") == two.column("grad_norm")
    assert [event.layers for event in one.of(ev.LayersMeasured)] == [
        event.layers for event in two.of(ev.LayersMeasured)
    ]
    assert [event.metrics for event in one.of(ev.EpochEnded)] == [event.metrics for event in two.of(ev.EpochEnded)]


def test_in_mixed_precision_there_are_none() -> None:
    assert TrainerHarness(tiny_config(training={"precision": "bfloat16"})).trainer.shop.passes is None
