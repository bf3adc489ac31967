"""Activations against torch, and against what is known of them."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from pydantic import TypeAdapter, ValidationError

from tui_trainer.components.activations import (
    ELU,
    GELU,
    SELU,
    Abs,
    AnyActivation,
    Identity,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    Sign,
    SiLU,
    Softplus,
    Tanh,
)
from tui_trainer.components.base import choices
from tui_trainer.components.models import MLP

Z = torch.linspace(-6, 6, 1201, dtype=torch.float64)


def derivative(activation: AnyActivation, z: torch.Tensor) -> torch.Tensor:
    z = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(activation.build().to(z.dtype)(z).sum(), z)
    return slope


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Identity(), lambda z: z),
        (Sign(), torch.sign),
        (Sigmoid(), torch.sigmoid),
        (Tanh(), torch.tanh),
        (ReLU(), F.relu),
        (LeakyReLU(), lambda z: F.leaky_relu(z, 0.01)),
        (LeakyReLU(negative_slope=0.2), lambda z: F.leaky_relu(z, 0.2)),
        (PReLU(init=0.1), lambda z: F.leaky_relu(z, 0.1)),
        (ELU(alpha=0.5), lambda z: F.elu(z, 0.5)),
        (SELU(), F.selu),
        (GELU(), F.gelu),
        (GELU(approximate="tanh"), lambda z: F.gelu(z, approximate="tanh")),
        (SiLU(), F.silu),
        (Softplus(beta=2, threshold=10), lambda z: F.softplus(z, 2, 10)),
        (Abs(), torch.abs),
    ],
    ids=lambda value: value.label() if hasattr(value, "label") else "",
)
def test_equals_torch(ours: AnyActivation, theirs: object) -> None:
    torch.testing.assert_close(ours.build().double()(Z), theirs(Z))


@pytest.mark.parametrize(
    ("activation", "mean_square"),
    [
        (Sigmoid(), 0.045),
        (Tanh(), 0.465),
        (ReLU(), 0.5),
        (LeakyReLU(), 0.5),
        (Abs(), 1.0),
        (Identity(), 1.0),
        (Sign(), 0.0),
    ],
    ids=lambda value: value.label() if hasattr(value, "label") else "",
)
def test_mean_square_of_the_derivative_for_normal_sums(activation: AnyActivation, mean_square: float) -> None:
    z = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    assert float(derivative(activation, z).square().mean()) == pytest.approx(mean_square, abs=0.01)


@pytest.mark.parametrize("kind", choices(AnyActivation))
def test_share_of_sums_that_pass_no_gradient(kind: str) -> None:
    z = torch.randn(200_000, generator=torch.Generator().manual_seed(1))
    share = float((derivative(choices(AnyActivation)[kind](), z) == 0).double().mean())
    expected = {"sign": 1.0, "relu": 0.5}.get(kind, 0.0)
    assert share == pytest.approx(expected, abs=0.01 if kind == "relu" else 1e-3)


def test_sign_passes_no_gradient_at_all() -> None:
    assert derivative(Sign(), torch.tensor([-1.0, -0.0, 0.0, 1e-30, 2.0])).tolist() == [0.0] * 5


def test_sigmoid_and_tanh() -> None:
    assert float(derivative(Sigmoid(), Z).max()) == pytest.approx(0.25)
    assert float(derivative(Tanh(), Z).max()) == pytest.approx(1.0)
    torch.testing.assert_close(Tanh().build()(Z), 2 * Sigmoid().build()(2 * Z) - 1)


@pytest.mark.parametrize(
    ("activation", "torch_name", "parameter"),
    [
        (Identity(), "linear", None),
        (Sigmoid(), "sigmoid", None),
        (Tanh(), "tanh", None),
        (ReLU(), "relu", None),
        (LeakyReLU(), "leaky_relu", 0.01),
        (LeakyReLU(negative_slope=0.3), "leaky_relu", 0.3),
        (PReLU(), "leaky_relu", 0.25),
        (SELU(), "selu", None),
    ],
)
def test_gain_equals_torch(activation: AnyActivation, torch_name: str, parameter: float | None) -> None:
    assert activation.gain == pytest.approx(torch.nn.init.calculate_gain(torch_name, parameter))


def test_gains_that_torch_does_not_list() -> None:
    assert Abs().gain == 1
    assert {cls().gain for cls in (Sign, ELU, GELU, SiLU, Softplus)} == {1.0}


@pytest.mark.parametrize("activation", [ReLU(), LeakyReLU(negative_slope=0.2), Abs(), Identity()])
def test_gain_keeps_the_size_of_a_signal(activation: AnyActivation) -> None:
    """gain^2 E[phi(z)^2] = 1 for normal z, where the gain was derived from that."""
    z = torch.randn(400_000, generator=torch.Generator().manual_seed(2))
    assert activation.gain**2 * float(activation.build()(z).square().mean()) == pytest.approx(1.0, abs=0.02)


def test_each_build_is_a_module_of_its_own() -> None:
    first, second = PReLU().build(), PReLU().build()
    assert next(first.parameters()) is not next(second.parameters())


def test_a_bare_name_is_a_kind() -> None:
    adapter = TypeAdapter(AnyActivation)
    assert adapter.validate_python("leaky-relu") == LeakyReLU()
    assert adapter.validate_python({"kind": "leaky-relu", "negative_slope": 0.1}) == LeakyReLU(negative_slope=0.1)
    assert adapter.validate_python(Tanh()) == Tanh()
    assert MLP.model_validate({"kind": "mlp", "activation": "abs"}).activation == Abs()
    with pytest.raises(ValidationError, match="rellu"):
        adapter.validate_python("rellu")


def test_softplus_is_safe_with_large_sums() -> None:
    assert float(Softplus().build()(torch.tensor(1e4))) == 1e4
    assert math.isfinite(float(derivative(Softplus(), torch.tensor([1e4]))))
