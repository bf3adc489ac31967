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
from tui_trainer.engine.fast_path.manual_mlp import FastForwardBackward, manual_mlp_for
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


def run(config: RunConfig, fast_path: str) -> TrainerHarness:
    """A full run with the fast path on or off."""
    training = config.training.model_copy(update={"fast_path": fast_path})
    bench = TrainerHarness(config.model_copy(update={"training": training}))
    uses_it = isinstance(bench.trainer.services.setup.forward_backward, FastForwardBackward)
    assert uses_it == (fast_path == "auto")
    bench.finish()
    return bench


@pytest.mark.parametrize("loss", ["cross-entropy", "bce-with-logits", "hinge"])
def test_a_run_is_the_same_with_the_fast_path_on_and_off(loss: str) -> None:
    config = tiny_config(
        loss={"kind": loss},
        model={"hidden": [8, 8], "dropout": 0.3},
        optimizer={"kind": "adam", "lr": 0.02},
        training={"clip_grad_norm": 0.5, "layers_every": 3, "probe_every": 4},
    )
    one, two = (run(config, fast_path) for fast_path in ("auto", "off"))
    assert one.column("train_loss") == two.column("train_loss")
    assert one.column("grad_norm") == two.column("grad_norm")
    assert [event.layers for event in one.of(ev.LayersMeasured)] == [
        event.layers for event in two.of(ev.LayersMeasured)
    ]
    assert [event.metrics for event in one.of(ev.EpochEnded)] == [event.metrics for event in two.of(ev.EpochEnded)]


def test_in_mixed_precision_there_are_none() -> None:
    setup = TrainerHarness(tiny_config(training={"precision": "bfloat16"})).trainer.services.setup
    assert not isinstance(setup.forward_backward, FastForwardBackward)


def used_twice(*, zero_head: bool) -> nn.Sequential:
    """A hidden layer used twice; behind an output layer of zeros, the first gradient of its weight is zero."""
    hidden, head = nn.Linear(6, 6), nn.Linear(6, 3)
    if zero_head:
        nn.init.zeros_(head.weight)
    return nn.Sequential(nn.Linear(6, 6), nn.Tanh(), hidden, nn.Tanh(), hidden, nn.Tanh(), head)


@pytest.mark.parametrize("zero_head", [False, True])
def test_a_layer_used_twice_goes_through_autograd(zero_head: bool) -> None:
    inputs, targets = batch(16, 0, classes=True, dtype=torch.float32)
    assert manual_mlp_for(used_twice(zero_head=zero_head), Logits(), inputs.flatten(1), targets) is None


def test_the_trial_finds_a_wrong_gradient_that_the_first_weights_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3))
    nn.init.zeros_(model[2].weight)
    inputs, targets = batch(16, 0, classes=True, dtype=torch.float32)
    function, derivative = module._ACTIVATIONS[nn.Tanh]
    monkeypatch.setitem(module._ACTIVATIONS, nn.Tanh, (function, lambda grad, out: derivative(grad, out) * 2))
    assert manual_mlp_for(model, Logits(), inputs.flatten(1), targets) is None


def test_a_batch_size_with_other_bits_goes_through_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    function, derivative = module._ACTIVATIONS[nn.Tanh]

    def wrong_for_the_last_batch(grad: Tensor, out: Tensor) -> Tensor:
        return derivative(grad, out) * (1 if len(out) == 20 else 1 + 1e-6)

    monkeypatch.setitem(module._ACTIVATIONS, nn.Tanh, (function, wrong_for_the_last_batch))
    config = tiny_config(model={"activation": "tanh"})  # 96 samples: four batches of 20 and one of 16
    one, two = (run(config, fast_path) for fast_path in ("auto", "off"))
    passes = one.trainer.services.setup.forward_backward
    assert isinstance(passes, FastForwardBackward)
    assert passes._manual.sizes == {20}
    assert one.column("train_loss") == two.column("train_loss")


def test_a_hook_registered_while_the_run_trains_is_called() -> None:
    bench = TrainerHarness(tiny_config())
    bench.steps(3)
    model = bench.trainer.services.setup.model
    weight = next(model.parameters())
    calls: list[str] = []
    handles = [
        next(m for m in model.modules() if isinstance(m, nn.Linear)).register_forward_hook(
            lambda *_: calls.append("forward")
        )
    ]
    bench.steps(1)
    assert calls == ["forward"]
    handles.append(weight.register_post_accumulate_grad_hook(lambda _: calls.append("gradient")))
    handles.append(
        bench.trainer.services.optimizer.torch_optimizer.register_step_post_hook(lambda *_: calls.append("update"))
    )
    bench.steps(1)
    assert calls == ["forward", "forward", "gradient", "update"]
    for handle in handles:
        handle.remove()
    bench.finish()
    assert len(calls) == 4
    plain = TrainerHarness(tiny_config())
    plain.finish()
    assert bench.column("train_loss") == plain.column("train_loss")


def test_weights_frozen_while_the_run_trains_get_no_gradient() -> None:
    bench = TrainerHarness(tiny_config())
    bench.steps(3)
    weight = next(bench.trainer.services.setup.model.parameters())
    weight.requires_grad_(False)
    bench.steps(1)
    before = weight.detach().clone()
    bench.steps(2)
    assert weight.grad is None
    assert torch.equal(weight, before)
