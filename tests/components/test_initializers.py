"""Initialisations against torch's under one generator, against their formulas, and against the global generator."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from tui_trainer.components.activations import Sigmoid
from tui_trainer.components.base import choices
from tui_trainer.components.datasets.bundled import Digits
from tui_trainer.components.initializers import (
    AnyInit,
    ConstantInit,
    KaimingNormal,
    KaimingUniform,
    LeCunNormal,
    Normal,
    Orthogonal,
    Sparse,
    TorchDefault,
    TruncNormal,
    Uniform,
    XavierNormal,
    XavierUniform,
    Zeros,
)
from tui_trainer.components.losses import MSE
from tui_trainer.components.models import CNN, MLP, AnyModel, Linear, Transformer
from tui_trainer.data.types import ProblemSpec


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def filled(init: AnyInit, layer: nn.Module | None = None, seed: int = 0) -> torch.Tensor:
    layer = nn.Linear(300, 200) if layer is None else layer
    init.apply(layer, seeded(seed))
    weight: torch.Tensor = layer.weight
    return weight.detach()


@pytest.mark.parametrize(
    ("init", "torch_name", "arguments"),
    [
        (Zeros(), "zeros_", {}),
        (ConstantInit(value=0.3), "constant_", {"val": 0.3}),
        (Normal(std=0.2, mean=0.1), "normal_", {"std": 0.2, "mean": 0.1}),
        (Uniform(low=-0.3, high=0.1), "uniform_", {"a": -0.3, "b": 0.1}),
        (TruncNormal(std=0.1, cut=2), "trunc_normal_", {"std": 0.1, "a": -0.2, "b": 0.2}),
        (XavierUniform(), "xavier_uniform_", {}),
        (XavierUniform(gain=5 / 3), "xavier_uniform_", {"gain": 5 / 3}),
        (XavierNormal(), "xavier_normal_", {}),
        (KaimingUniform(), "kaiming_uniform_", {"nonlinearity": "relu"}),
        (KaimingUniform(mode="fan-out"), "kaiming_uniform_", {"mode": "fan_out"}),
        (KaimingUniform(gain=1.0), "kaiming_uniform_", {"nonlinearity": "linear"}),
        (KaimingNormal(), "kaiming_normal_", {}),
        (KaimingNormal(gain=5 / 3, mode="fan-out"), "kaiming_normal_", {"mode": "fan_out", "nonlinearity": "tanh"}),
        (Orthogonal(), "orthogonal_", {}),
        (Orthogonal(gain=2.0), "orthogonal_", {"gain": 2.0}),
    ],
    ids=lambda value: value.label() if hasattr(value, "label") else "",
)
@pytest.mark.parametrize("layer", [nn.Linear(30, 20), nn.Conv2d(4, 6, 3)], ids=["linear", "conv"])
def test_equals_torch_under_the_same_generator(
    init: AnyInit, torch_name: str, arguments: dict[str, Any], layer: nn.Linear | nn.Conv2d
) -> None:
    ours = filled(init, layer).clone()
    generator = {} if torch_name in ("zeros_", "constant_") else {"generator": seeded()}
    getattr(nn.init, torch_name)(layer.weight, **arguments, **generator)
    torch.testing.assert_close(ours, layer.weight.detach(), rtol=1e-6, atol=1e-7)
    assert layer.bias is not None
    assert not layer.bias.any()


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(30, 20),
        lambda: nn.Linear(30, 20, bias=False),
        lambda: nn.Conv1d(4, 6, 5),
        lambda: nn.Conv2d(4, 6, 3, groups=2),
        lambda: nn.ConvTranspose2d(4, 6, 3),
        lambda: nn.Embedding(7, 5),
        lambda: nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Linear(4, 3)),
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.PReLU(), nn.Flatten(), nn.Linear(16, 3)),
    ],
)
def test_torch_default_is_torch_number_for_number(make: Any) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        theirs = make()
    ours = make()
    TorchDefault().apply(ours, seeded(7))
    for (name, mine), (_, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert torch.equal(mine, other), name


@pytest.mark.parametrize(
    ("init", "std"),
    [
        (TorchDefault(), 1 / math.sqrt(3 * 300)),
        (Normal(std=0.2), 0.2),
        (Uniform(low=-0.3, high=0.3), 0.3 / math.sqrt(3)),
        (TruncNormal(std=0.1), 0.1 * 0.8796),
        (XavierUniform(gain=2), 2 * math.sqrt(2 / 500)),
        (XavierNormal(), math.sqrt(2 / 500)),
        (KaimingUniform(), math.sqrt(2 / 300)),
        (KaimingNormal(mode="fan-out"), math.sqrt(2 / 200)),
        (LeCunNormal(bias_std=1.0), math.sqrt(1 / 300)),
        (Orthogonal(), math.sqrt(1 / 300)),
        (Sparse(sparsity=0.25, std=0.1), 0.1 * math.sqrt(0.75)),
    ],
    ids=lambda value: value.label() if hasattr(value, "label") else "",
)
def test_standard_deviation(init: AnyInit, std: float) -> None:
    weight = filled(init)
    assert float(weight.std()) == pytest.approx(std, rel=0.02)
    assert float(weight.mean()) == pytest.approx(0, abs=std * 0.02)


def test_biases_of_lecun_normal_have_the_deviation_asked_for() -> None:
    layer = nn.Linear(4, 20_000)
    LeCunNormal().apply(layer, seeded())
    assert not layer.bias.any()
    weight = layer.weight.detach().clone()
    LeCunNormal(bias_std=0.5).apply(layer, seeded())
    assert torch.equal(layer.weight, weight)
    assert float(layer.bias.detach().std()) == pytest.approx(0.5, rel=0.02)
    assert float(layer.bias.detach().mean()) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("layers", [2, 3, 4])
def test_the_layers_of_nielsens_nets_learn_at_speeds_that_fall_with_depth(layers: int) -> None:
    """Chapter 5 of his book, on the small digits: each layer about five times as slow as the next."""
    ratios: list[float] = []
    for seed in range(5):
        data = Digits(standardise=False, scale=1 / 16).build(seed)
        assert float(data.train.inputs.max()) == 1.0
        model = MLP(hidden=(30,) * layers, activation=Sigmoid(), head="sigmoid", init=LeCunNormal(bias_std=1.0))
        module = model.build(data.shape, 10, seeded(seed))
        MSE().build(data.shape)(module(data.train.inputs), data.train.targets).backward()
        norms = [module.get_parameter(f"hidden{layer + 1}.bias").grad for layer in range(layers)]
        speeds = [float(norm.norm()) for norm in norms if norm is not None]
        assert speeds == sorted(speeds)
        ratios += [later / earlier for earlier, later in pairwise(speeds)]
    assert 3.5 < sum(ratios) / len(ratios) < 7


def test_bounds() -> None:
    assert float(filled(XavierUniform()).abs().max()) <= math.sqrt(6 / 500)
    assert float(filled(KaimingUniform()).abs().max()) <= math.sqrt(6 / 300)
    assert float(filled(TruncNormal(std=0.1, cut=1.5)).abs().max()) <= 0.15 + 1e-7
    weight = filled(Uniform(low=0.2, high=0.3))
    assert float(weight.min()) >= 0.2
    assert float(weight.max()) <= 0.3


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (10, 40), (40, 10)])
def test_orthogonal(rows: int, columns: int) -> None:
    weight = filled(Orthogonal(gain=1.5), nn.Linear(columns, rows)).double()
    small = weight @ weight.T if rows <= columns else weight.T @ weight
    torch.testing.assert_close(small, 1.5**2 * torch.eye(min(rows, columns)).double(), atol=1e-5, rtol=0)


def test_sparse_has_the_same_number_of_zeros_in_each_column() -> None:
    weight = filled(Sparse(sparsity=0.31), nn.Linear(50, 20))
    assert ((weight == 0).sum(0) == math.ceil(0.31 * 20)).all()
    weight = filled(Sparse(sparsity=0.5), nn.Conv2d(3, 8, 3))
    assert ((weight.flatten(1) == 0).sum(0) == 4).all()


def test_norms_embeddings_and_slopes() -> None:
    module = nn.Sequential(nn.Embedding(2000, 50), nn.LayerNorm(50), nn.PReLU(), nn.BatchNorm1d(50))
    for layer in (module[1], module[3]):
        nn.init.constant_(layer.weight, 3.0)
        nn.init.constant_(layer.bias, 3.0)
    for init, std in ((KaimingNormal(), 0.02), (TorchDefault(), 1.0)):
        init.apply(module, seeded())
        assert float(module[0].weight.detach().std()) == pytest.approx(std, rel=0.02)
        for layer in (module[1], module[3]):
            assert (layer.weight == 1).all()
            assert not layer.bias.any()
        assert module[2].weight.item() == 0.25


def test_a_shared_weight_is_drawn_once() -> None:
    first, second = nn.Linear(5, 5), nn.Linear(5, 5)
    second.weight = first.weight
    generator = seeded()
    Normal().apply(nn.Sequential(first, second), generator)
    alone = nn.Linear(5, 5)
    Normal().apply(alone, seeded())
    assert torch.equal(first.weight, alone.weight)


SHAPES = {
    "linear": ProblemSpec("classification", (4,), 3),
    "mlp": ProblemSpec("classification", (4,), 3),
    "cnn": ProblemSpec("classification", (1, 8, 8), 3),
    "transformer": ProblemSpec("language", (6,), 5),
}
MODELS: list[AnyModel] = [Linear(), MLP(norm="layer", activation="prelu"), CNN(batch_norm=True), Transformer(width=8)]


@pytest.mark.parametrize("kind", choices(AnyInit))
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)
def test_the_generator_alone_decides(kind: str, model: AnyModel) -> None:
    model = model.model_copy(update={"init": choices(AnyInit)[kind]()})
    shape = SHAPES[model.kind]

    def build(seed: int, world: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(world)
        before = torch.get_rng_state()
        state = model.build(shape, shape.targets, seeded(seed)).state_dict()
        assert torch.equal(torch.get_rng_state(), before)
        return state

    first, again, other = build(3, 10), build(3, 99), build(4, 10)
    assert all(torch.equal(first[name], again[name]) for name in first)
    if kind not in ("zeros", "constant"):
        assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_bare_name_is_a_kind() -> None:
    adapter = TypeAdapter(AnyInit)
    assert adapter.validate_python("orthogonal") == Orthogonal()
    assert adapter.validate_python({"kind": "normal", "std": 0.02}) == Normal(std=0.02)


def test_an_empty_interval_is_refused() -> None:
    with pytest.raises(ValidationError, match="low must be below high"):
        Uniform(low=0.1, high=0.1)


def test_zeros_never_move_but_for_the_last_bias() -> None:
    model = MLP(hidden=(16, 16), init=Zeros()).build(SHAPES["mlp"], 3, seeded())
    loss = nn.functional.cross_entropy(model(torch.randn(32, 4, generator=seeded())), torch.arange(32) % 3)
    assert float(loss.detach()) == pytest.approx(math.log(3))
    loss.backward()
    moving = {
        name for name, parameter in model.named_parameters() if parameter.grad is not None and parameter.grad.any()
    }
    assert moving == {"output.bias"}
