"""Clipping is torch's to the bit, and right where the norm does not fit into the type of the gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.monitoring.layer_stats import measured_norm_of, norm_of, norms_of
from tui_trainer.engine.steps.clipping import clip_by_largest, clip_gradients
from tui_trainer.protocol import events as ev


def parameters_with(gradients: list[Tensor]) -> list[nn.Parameter]:
    parameters = [nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    return parameters


def gradients_after(parameters: list[nn.Parameter]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


@pytest.mark.parametrize(
    ("dtype", "size"),
    [(torch.float32, 1e25), (torch.float32, 3e38), (torch.float64, 1e200), (torch.float64, 1e308)],
)
def test_a_norm_that_overflows_keeps_the_direction(dtype, size):
    gradients = [torch.tensor([3.0, -4.0], dtype=dtype) * (size / 4), torch.tensor([[0.0]], dtype=dtype)]
    parameters = parameters_with(gradients)
    clip_gradients(parameters, 1.0)
    torch.testing.assert_close(gradients_after(parameters)[0], torch.tensor([0.6, -0.8], dtype=dtype))


def test_the_norm_that_overflowed_is_reported():
    parameters = parameters_with([torch.tensor([3e30, -4e30])])
    assert float(clip_gradients(parameters, 1.0)) == pytest.approx(5e30)


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e15])
@pytest.mark.parametrize("clip", [0.5, 10.0])
def test_every_other_norm_is_clipped_to_the_bits_of_torch(size, clip):
    torch.manual_seed(3)
    gradients = [torch.randn(5, 4) * size, torch.randn(3) * size]
    expected = parameters_with(gradients)
    norm = torch.nn.utils.clip_grad_norm_(expected, clip)
    own, on_accelerators = parameters_with(gradients), parameters_with(gradients)
    assert float(clip_gradients(own, clip)) == float(norm)
    there = gradients_after(on_accelerators)
    assert float(clip_by_largest(there, clip, norm_of(there))) == float(norm)
    for one, two, three in zip(gradients_after(expected), gradients_after(own), there, strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)


def test_a_gradient_that_is_not_finite_is_not_hidden():
    parameters = parameters_with([torch.tensor([torch.inf, 1.0])])
    assert math.isinf(float(clip_gradients(parameters, 1.0)))
    assert gradients_after(parameters)[0].isnan().any()


def test_a_run_with_huge_gradients_trains():
    bench = TrainerHarness(tiny_config(training={"clip_grad_norm": 1.0, "norm_every": 1}))
    bench.steps(1)
    model = bench.trainer.services.setup.model
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: gradient * 1e25)
    bench.steps(1)
    moved = [parameter.detach() - was for parameter, was in zip(model.parameters(), before, strict=True)]
    assert float(torch.nn.utils.get_total_norm(moved)) == pytest.approx(0.1, rel=1e-4)  # the rate x the clipped norm


@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_the_journal_has_the_norm_that_does_not_fit_into_the_type_of_the_gradients(clip):
    bench = TrainerHarness(
        tiny_config(
            data={"kind": "least-squares", "samples": 40, "batch_size": 40},
            model={"kind": "linear"},
            loss={"kind": "mse"},
            optimizer={"kind": "sgd", "lr": 1e-30},
            training={"epochs": 1, "clip_grad_norm": clip, "norm_every": 1, "layers_every": 1},
        )
    )

    def enlarge(parameter: Tensor) -> None:
        assert parameter.grad is not None
        parameter.grad.mul_(1e25)

    for parameter in bench.trainer.services.setup.parameters:
        parameter.register_post_accumulate_grad_hook(enlarge)
    bench.finish()
    norm = bench.column("grad_norm")[1]
    assert norm is not None
    assert norm > 1e24
    layers = [event.layers for event in bench.of(ev.LayersMeasured) if event.layers]
    if not clip:
        by_layer = [layer.grad_norm for layer in layers[0].values() if layer.grad_norm is not None]
        assert math.hypot(*by_layer) == pytest.approx(norm, rel=1e-6)


def test_a_norm_that_does_not_fit_is_measured_in_double():
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        gradients = [torch.tensor([3e30, -4e30], dtype=dtype), torch.zeros(2, 2, dtype=dtype)]
        assert float(measured_norm_of(gradients)) == pytest.approx(5e30, rel=1e-2)
    assert float(measured_norm_of([torch.tensor([3e200, -4e200], dtype=torch.float64)])) == pytest.approx(5e200)
    assert float(measured_norm_of([torch.tensor([torch.inf])])) == math.inf
    assert float(norms_of([torch.tensor([3e30, -4e30]), torch.ones(4)])[0]) == pytest.approx(5e30)
