"""Optimizers: torch's defaults, torch's steps, and the pairs of two."""

from __future__ import annotations

import copy
import inspect
import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from tui_trainer.components.base import choices
from tui_trainer.components.models import MLP, Transformer
from tui_trainer.components.optimizers import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    AnyOptimizer,
    Muon,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
    SparseAdam,
)
from tui_trainer.components.task import Shape
from tui_trainer.errors import UserError
from tui_trainer.parts.pair import Pair

TABLE = Shape("classification", (5,), 3)
TEXT = Shape("language", (4,), 6)

# How torch runs a step and not what it computes.
IMPLEMENTATION = {"params", "foreach", "maximize", "capturable", "differentiable", "fused"}

TORCH = {
    name: cls
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and cls is not torch.optim.Optimizer
}
OURS = {cls.torch_name: cls for cls in choices(AnyOptimizer).values()}


def table_model(dtype: torch.dtype = torch.float64) -> nn.Module:
    return MLP(hidden=(7,), activation="tanh").build(TABLE, 3, torch.Generator().manual_seed(0)).to(dtype)


def walk(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 20) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    first = next(model.parameters())
    for _ in range(steps):
        inputs = torch.randn(8, 5, generator=generator).to(first.dtype)
        targets = torch.randint(3, (8,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_every_optimizer_of_torch_but_lbfgs_is_here() -> None:
    """LBFGS evaluates the loss many times in a step, which a training loop of batches does not offer."""
    assert set(OURS) == set(TORCH) - {"LBFGS"}


@pytest.mark.parametrize("name", OURS)
def test_defaults_are_those_of_torch(name: str) -> None:
    theirs = {
        argument.name: argument.default
        for argument in inspect.signature(TORCH[name]).parameters.values()
        if argument.name not in IMPLEMENTATION
    }
    ours: dict[str, Any] = {field: value for field, value in OURS[name]() if field not in ("kind", "other_lr")}
    if name == "Adafactor":
        ours["eps"] = (ours.pop("eps1"), ours.pop("eps2"))
    assert ours == {key: float(value) if isinstance(value, torch.Tensor) else value for key, value in theirs.items()}


CASES: list[tuple[Optimizer, type[torch.optim.Optimizer], dict[str, Any]]] = [
    (SGD(lr=0.1), torch.optim.SGD, {"lr": 0.1}),
    (
        SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    ),
    (
        SGD(lr=0.1, momentum=0.9, dampening=0.5),
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
    ),
    (Adam(), torch.optim.Adam, {}),
    (
        Adam(lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1, amsgrad=True),
        torch.optim.Adam,
        {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1, "amsgrad": True},
    ),
    (
        Adam(weight_decay=0.1, decoupled_weight_decay=True),
        torch.optim.Adam,
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
    (AdamW(), torch.optim.AdamW, {}),
    (AdamW(lr=0.01, weight_decay=0.3), torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.3}),
    (NAdam(), torch.optim.NAdam, {}),
    (NAdam(weight_decay=0.1, momentum_decay=0.01), torch.optim.NAdam, {"weight_decay": 0.1, "momentum_decay": 0.01}),
    (RAdam(), torch.optim.RAdam, {}),
    (
        RAdam(weight_decay=0.1, decoupled_weight_decay=True),
        torch.optim.RAdam,
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
    (Adamax(), torch.optim.Adamax, {}),
    (Adagrad(), torch.optim.Adagrad, {}),
    (
        Adagrad(lr=0.1, lr_decay=0.1, initial_accumulator_value=0.1, weight_decay=0.01),
        torch.optim.Adagrad,
        {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.1, "weight_decay": 0.01},
    ),
    (RMSprop(), torch.optim.RMSprop, {}),
    (
        RMSprop(alpha=0.9, momentum=0.5, centered=True),
        torch.optim.RMSprop,
        {"alpha": 0.9, "momentum": 0.5, "centered": True},
    ),
    (Adadelta(), torch.optim.Adadelta, {}),
    (Adadelta(lr=0.5, rho=0.8), torch.optim.Adadelta, {"lr": 0.5, "rho": 0.8}),
    (Adafactor(), torch.optim.Adafactor, {}),
    (
        Adafactor(eps1=1e-20, eps2=1e-2, weight_decay=0.1),
        torch.optim.Adafactor,
        {"eps": (1e-20, 1e-2), "weight_decay": 0.1},
    ),
    (ASGD(), torch.optim.ASGD, {}),
    (ASGD(t0=5, weight_decay=0.1), torch.optim.ASGD, {"t0": 5, "weight_decay": 0.1}),
    (Rprop(), torch.optim.Rprop, {}),
    (
        Rprop(etas=(0.4, 1.3), step_sizes=(1e-5, 1.0)),
        torch.optim.Rprop,
        {"etas": (0.4, 1.3), "step_sizes": (1e-5, 1.0)},
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "arguments"), CASES, ids=[ours.label() for ours, _, _ in CASES])
def test_twenty_steps_equal_those_of_torch(
    ours: Optimizer, theirs: type[torch.optim.Optimizer], arguments: dict[str, Any]
) -> None:
    mine, other = table_model(), table_model()
    walked = walk(mine, ours.build(list(mine.named_parameters())))
    expected = walk(other, theirs(other.parameters(), **arguments))
    for ours_now, theirs_now in zip(walked, expected, strict=True):
        torch.testing.assert_close(ours_now, theirs_now, rtol=1e-6, atol=1e-12)


def test_muon_steps_the_matrices_and_adamw_the_rest() -> None:
    mine, other = table_model(torch.float32), table_model(torch.float32)
    built = Muon(lr=0.02, other_lr=0.005).build(list(mine.named_parameters()))
    assert isinstance(built, Pair)
    walked = walk(mine, built)
    muon = torch.optim.Muon([p for p in other.parameters() if p.ndim == 2], lr=0.02)
    adamw = torch.optim.AdamW([p for p in other.parameters() if p.ndim != 2], lr=0.005)

    class Both:
        def zero_grad(self) -> None:
            muon.zero_grad()
            adamw.zero_grad()

        def step(self) -> None:
            muon.step()
            adamw.step()

    for ours_now, theirs_now in zip(walked, walk(other, Both()), strict=True):
        torch.testing.assert_close(ours_now, theirs_now, rtol=1e-6, atol=1e-7)


def test_sparse_adam_steps_the_embedding_and_adamw_the_rest() -> None:
    def model() -> nn.Module:
        return Transformer(layers=1, heads=1, width=4, sparse_embedding=True).build(
            TEXT, 6, torch.Generator().manual_seed(0)
        )

    def go(module: nn.Module, step: Any, zero: Any) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(1)
        for _ in range(20):
            symbols = torch.randint(5, (2, 5), generator=generator)  # the sixth symbol never comes
            zero()
            outputs = module(symbols[:, :-1])
            nn.functional.cross_entropy(outputs.flatten(0, 1), symbols[:, 1:].flatten()).backward()
            step()
        return [parameter.detach() for parameter in module.parameters()]

    mine, other = model(), model()
    unused = mine.get_parameter("embedding.weight")[5].detach().clone()
    built = SparseAdam(lr=0.01, other_lr=0.002).build(list(mine.named_parameters()))
    sparse = torch.optim.SparseAdam([other.get_parameter("embedding.weight")], lr=0.01)
    dense = torch.optim.AdamW([p for n, p in other.named_parameters() if n != "embedding.weight"], lr=0.002)
    walked = go(mine, built.step, built.zero_grad)
    expected = go(other, lambda: (sparse.step(), dense.step()), lambda: (sparse.zero_grad(), dense.zero_grad()))
    for ours_now, theirs_now in zip(walked, expected, strict=True):
        torch.testing.assert_close(ours_now, theirs_now, rtol=1e-6, atol=1e-7)
    assert torch.equal(mine.get_parameter("embedding.weight")[5], unused)


def test_a_pair_is_steered_saved_and_put_back_as_one() -> None:
    config = Muon(lr=0.02)
    model = table_model(torch.float32)
    pair = config.build(list(model.named_parameters()))
    walk(model, pair, 5)
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(pair.state_dict())
    for group in pair.param_groups:
        group["lr"] = 0.0
        group["weight_decay"] = 0.0
    before = [parameter.clone() for parameter in model.parameters()]
    walk(model, pair, 3)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)), (
        "a rate of 0 reached both"
    )

    model.load_state_dict(weights)
    pair.load_state_dict(state)
    assert [group["lr"] for group in pair.param_groups] == [0.02, 1e-3]
    other = table_model(torch.float32)
    again = config.build(list(other.named_parameters()))
    walk(other, again, 5)
    for ours_now, theirs_now in zip(walk(model, pair, 5), walk(other, again, 5), strict=True):
        assert torch.equal(ours_now, theirs_now)


def test_one_kind_of_parameter_needs_no_pair() -> None:
    model = nn.Linear(3, 2, bias=False)
    assert isinstance(Muon().build(list(model.named_parameters())), torch.optim.Muon)


def test_an_optimizer_with_nothing_to_step_is_refused() -> None:
    bias = [("bias", nn.Parameter(torch.zeros(3)))]
    with pytest.raises(UserError, match="muon steps matrices"):
        Muon().build(bias)
    with pytest.raises(UserError, match=r"model\.sparse_embedding=true"):
        SparseAdam().build(bias)


SPARSE = {"sgd", "sparse-adam"}


@pytest.mark.parametrize("kind", choices(AnyOptimizer))
def test_a_sparse_gradient_is_stepped_or_refused_before_the_run(kind: str) -> None:
    model = Transformer(layers=1, heads=1, width=4, sparse_embedding=True).build(
        TEXT, 6, torch.Generator().manual_seed(0)
    )
    config = choices(AnyOptimizer)[kind]()
    if kind not in SPARSE:
        with pytest.raises(UserError, match=f"optimizer {kind} cannot step 'embedding.weight'"):
            config.build(list(model.named_parameters()))
        return
    optimizer = config.build(list(model.named_parameters()))
    model(torch.randint(6, (2, 4))).sum().backward()
    optimizer.step()


def test_weight_decay_of_a_sparse_gradient_is_refused() -> None:
    model = Transformer(layers=1, heads=1, width=4, sparse_embedding=True).build(
        TEXT, 6, torch.Generator().manual_seed(0)
    )
    with pytest.raises(UserError, match=r"optimizer\.weight_decay"):
        SGD(weight_decay=0.1).build(list(model.named_parameters()))


def test_nesterov_needs_momentum() -> None:
    for optimizer in (SGD(nesterov=True), SGD(nesterov=True, momentum=0.9, dampening=0.1)):
        with pytest.raises(UserError, match=r"optimizer\.nesterov needs momentum"):
            optimizer.build([("weight", nn.Parameter(torch.zeros(2)))])


@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        (SGD, "lr", 0.0),
        (SGD, "lr", math.inf),
        (Adam, "lr", math.nan),
        (Adam, "betas", (0.9, 1.0)),
        (Adam, "eps", -1.0),
        (Rprop, "etas", (1.5, 1.2)),
        (Adafactor, "d", 0.5),
        (Muon, "ns_steps", 0),
    ],
)
def test_values_out_of_bounds_are_refused(cls: type[Optimizer], field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        cls.model_validate({field: value})


@pytest.mark.parametrize(
    ("optimizer", "first"),
    [
        (RMSprop(lr=0.01, alpha=0.99), 0.1),
        (RMSprop(lr=0.01, alpha=0.9), 0.01 / math.sqrt(0.1)),
        (Adam(lr=0.01), 0.01),
        (Adagrad(lr=0.01), 0.01),
        (SGD(lr=0.01), 0.01 * 3),
    ],
    ids=lambda value: value.label() if hasattr(value, "label") else "",
)
def test_first_step(optimizer: Optimizer, first: float) -> None:
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    built = optimizer.build([("weight", weight)])
    weight.grad = torch.full_like(weight, 3.0)
    built.step()
    assert weight.item() == pytest.approx(-first, rel=1e-5)
