"""Optimizers: torch's defaults, torch's steps, and the pairs of two."""

from __future__ import annotations

import copy
import inspect
import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from tui_trainer.components.base import choices
from tui_trainer.components.models import MLP, Transformer
from tui_trainer.components.optimizers.first_order import (
    ASGD,
    BFGS,
    LBFGS,
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
    Newton,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
    SparseAdam,
    SteepestDescent,
)
from tui_trainer.data.types import ProblemSpec
from tui_trainer.errors import UserError
from tui_trainer.optim import reference
from tui_trainer.optim.closure import Closure
from tui_trainer.optim.paired import Pair
from tui_trainer.optim.second_order import solve

TABLE = ProblemSpec("classification", (5,), 3)
TEXT = ProblemSpec("language", (4,), 6)

# How torch runs a step and not what it computes.
IMPLEMENTATION = {"params", "foreach", "maximize", "capturable", "differentiable", "fused"}

TORCH = {
    name: cls
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and cls is not torch.optim.Optimizer
}
OURS = {cls.torch_name: cls for cls in choices(AnyOptimizer).values() if hasattr(cls, "torch_name")}


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


def test_every_optimizer_of_torch_is_here() -> None:
    assert set(OURS) == set(TORCH)


@pytest.mark.parametrize("name", OURS)
def test_defaults_are_those_of_torch(name: str) -> None:
    theirs = {
        argument.name: argument.default
        for argument in inspect.signature(TORCH[name]).parameters.values()
        if argument.name not in IMPLEMENTATION
    }
    own = OURS[name]()._own_fields()
    ours: dict[str, Any] = {field: value for field, value in OURS[name]().settings().items() if field not in own}
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


def closure_of(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> Closure:
    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        outputs = model(inputs)
        return outputs, nn.functional.cross_entropy(outputs, targets)

    return Closure(forward, list(model.parameters()), lambda: None)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_is_that_of_torch(search: Any) -> None:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    targets = torch.randint(3, (30,), generator=generator)
    mine, other = table_model(), table_model()
    built = LBFGS(lr=0.5, max_iter=4, line_search_fn=search).build(list(mine.named_parameters()))
    theirs = torch.optim.LBFGS(other.parameters(), lr=0.5, max_iter=4, line_search_fn=search)
    calls = 0

    def plain() -> torch.Tensor:
        nonlocal calls
        calls += 1
        theirs.zero_grad()
        loss = nn.functional.cross_entropy(other(inputs), targets)
        loss.backward()
        return loss

    evaluations = 0
    for _ in range(5):
        closure = closure_of(mine, inputs, targets)
        built.step(closure)
        evaluations += closure.evaluations
        theirs.step(plain)
    assert evaluations == calls > 5
    assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), other.parameters(), strict=True))


WRITTEN: list[tuple[Optimizer, Any]] = [
    (Adagrad(lr=0.1, lr_decay=0.1, initial_accumulator_value=0.1, weight_decay=0.01), reference.ReferenceAdagrad),
    (Adagrad(), reference.ReferenceAdagrad),
    (Adam(), reference.ReferenceAdam),
    (Adam(lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1, amsgrad=True), reference.ReferenceAdam),
    (Adam(weight_decay=0.1, decoupled_weight_decay=True), reference.ReferenceAdam),
]


@pytest.mark.parametrize(("theirs", "written"), WRITTEN, ids=[theirs.label() for theirs, _ in WRITTEN])
def test_updates_written_out_are_those_of_torch(theirs: Optimizer, written: Any) -> None:
    """Relative to the size of the weights, over 200 steps in float64."""
    mine, other = table_model(), table_model()
    settings = {name: value for name, value in theirs if name != "kind"}
    walked = walk(mine, written(mine.parameters(), **settings), 200)
    expected = walk(other, theirs.build(list(other.named_parameters())), 200)
    for ours_now, theirs_now in zip(walked, expected, strict=True):
        assert float((ours_now - theirs_now).norm() / theirs_now.norm()) < 1e-12


def moved_by(optimizer: Optimizer, gradients: list[float]) -> float:
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    built = optimizer.build([("weight", weight)])
    for gradient in gradients:
        weight.grad = torch.full_like(weight, gradient)
        built.step()
    return weight.item()


def test_epsilon_inside_the_root_is_another_update() -> None:
    """x <- x - lr g / sqrt(g^2 + eps) against x - lr g / (|g| + eps)."""
    for gradient in (3.0, 0.1, 1e-3):
        inside = moved_by(Adagrad(lr=1.0, eps=0.01, eps_inside=True), [gradient])
        assert inside == pytest.approx(-gradient / math.sqrt(gradient**2 + 0.01), rel=1e-12)
        outside = moved_by(Adagrad(lr=1.0, eps=0.01), [gradient])
        assert outside == pytest.approx(-gradient / (gradient + 0.01), rel=1e-12)
    assert abs(inside - outside) > 0.08


def test_without_correction_adam_is_another_update() -> None:
    settings = {"lr": 0.01, "bias_correction": False, "eps": 1e-12}
    assert moved_by(Adam(**settings), [3.0]) == pytest.approx(-0.01 * 0.1 / math.sqrt(0.001), rel=1e-9)
    mine, other = table_model(), table_model()
    walked = walk(mine, Adam(bias_correction=False).build(list(mine.named_parameters())), 200)
    expected = walk(other, torch.optim.Adam(other.parameters()), 200)
    start = [parameter.detach() for parameter in table_model().parameters()]
    far = [float((a - b).norm() / (b - s).norm()) for a, b, s in zip(walked, expected, start, strict=True)]
    assert max(far) > 0.1


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient(size: float) -> None:
    assert moved_by(Adam(lr=0.01), [size]) == pytest.approx(-0.01, rel=2e-5)
    assert moved_by(Adam(lr=0.01), [-size]) == pytest.approx(0.01, rel=2e-5)


def test_an_own_update_is_saved_and_put_back() -> None:
    for optimizer in (Adagrad(eps_inside=True), Adam(bias_correction=False)):
        model = table_model()
        built = optimizer.build(list(model.named_parameters()))
        walk(model, built, 5)
        again = copy.deepcopy(model)
        other = optimizer.build(list(again.named_parameters()))
        other.load_state_dict(copy.deepcopy(built.state_dict()))
        for a, b in zip(walk(model, built, 5), walk(again, other, 5), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("optimizer", [Newton(), BFGS()])
def test_a_matrix_over_too_many_parameters_is_refused(optimizer: Optimizer) -> None:
    weight = nn.Parameter(torch.zeros(2001))
    with pytest.raises(UserError, match=r"2,001 of them make 4,004,001 numbers.*At most 2,000.*choose lbfgs"):
        optimizer.build([("weight", weight)])
    SteepestDescent().build([("weight", weight)])


def test_newton_solves_logistic_regression_in_a_few_steps() -> None:
    """The Hessian of a softmax regression is singular: adding a constant to all logits changes nothing."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 5, generator=generator, dtype=torch.float64)
    targets = torch.randint(3, (200,), generator=generator)
    model = nn.Linear(5, 3).double()
    built = Newton().build(list(model.named_parameters()))
    for _ in range(8):
        closure = closure_of(model, inputs, targets)
        built.step(closure)
        assert closure.evaluations == 1 + 18
    closure()
    assert max(float(p.grad.abs().max()) for p in model.parameters() if p.grad is not None) < 1e-12


@pytest.mark.parametrize(("number", "expected"), [(0.0, 2.0), (math.nan, math.nan), (math.inf, math.nan)])
def test_newton_ends_its_search_where_no_multiple_of_the_identity_helps(number: float, expected: float) -> None:
    step = solve(torch.full((2, 2), number), torch.full((2,), 2.0), 0.0)
    assert step.tolist() == pytest.approx([expected] * 2, nan_ok=True)


@pytest.mark.parametrize("optimizer", [BFGS(), SteepestDescent(lr=0.5), Newton(damping=0.1)])
def test_curved_steps_lower_the_loss_of_a_net(optimizer: Optimizer) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(60, 5, generator=generator, dtype=torch.float64)
    targets = torch.randint(3, (60,), generator=generator)
    model = table_model()
    built = optimizer.build(list(model.named_parameters()))
    losses = []
    for _ in range(40):
        closure = closure_of(model, inputs, targets)
        built.step(closure)
        losses.append(float(closure.loss))
    assert losses[-1] < 0.8 * losses[0]
    if isinstance(optimizer, BFGS):
        assert all(after <= before + 1e-12 for before, after in pairwise(losses))


def test_the_product_with_the_hessian_is_a_column_of_it() -> None:
    model = table_model()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(9, 5, generator=generator, dtype=torch.float64)
    closure = closure_of(model, inputs, torch.arange(9) % 3)
    _, gradient = closure.gradient()
    hessian = closure.hessian(gradient)
    torch.testing.assert_close(hessian, hessian.T)
    size, nudge = len(gradient), 1e-6
    unit = torch.zeros(size, dtype=torch.float64)
    unit[3] = nudge
    closure.move(unit)
    _, after = closure.gradient()
    torch.testing.assert_close((after - gradient) / nudge, hessian[3], rtol=1e-4, atol=1e-6)
    assert closure.evaluations == 2 + size


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
