"""The pictures that explain one step of a method, against formulas and autograd."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.engine.pictures.test_numbers import DIGITS, first, numbers
from tests.engine.pictures.test_recorder import showing, taken
from tests.support import TrainerHarness
from tui_trainer.config.preset import load, parse_override
from tui_trainer.errors import UserError

SMALL = {"model": {"hidden": [3], "activation": "tanh"}, "training": {"precision": "float64", "epochs": 2}}


@pytest.mark.parametrize(
    ("optimizer", "left"),
    [
        ({"kind": "rmsprop", "alpha": 0.9}, 0.9**10),
        ({"kind": "adam", "betas": [0.9, 0.99]}, 0.99**10),
        ({"kind": "adagrad"}, 1.0),
    ],
)
def test_a_squared_gradient_is_forgotten_by_the_power_of_its_age(optimizer: dict[str, Any], left: float):
    found = first({"kind": "forgetting", "steps": 240}, optimizer={"lr": 0.01, **optimizer})
    assert found["kept/0"] == 1
    assert found["kept/10"] == pytest.approx(left, rel=1e-9)
    assert found["kept/240"] == pytest.approx(left**24, rel=1e-6)
    if optimizer["kind"] == "rmsprop":
        assert found["half"] == math.ceil(math.log(0.5) / math.log(0.9))
    assert ("half" in found) == (optimizer["kind"] != "adagrad")


def test_a_training_fits_or_not_by_the_numbers_that_are_typed():
    adam = {**DIGITS, "optimizer": {"kind": "adam"}}
    weights = 4 * (64 * 64 + 64 + 64 * 10 + 10)
    fixed = 4 * weights + 32 * 560
    large = first({"kind": "fit", "samples": 1_000_000, "numbers": 1000, "gigabytes": 2.0}, **adam)
    assert large["data"] == pytest.approx(4.0)
    assert large["total"] == pytest.approx(4 + fixed / 1e9)
    assert large["fits"] == 0
    assert large["most_samples"] == (2_000_000_000 - fixed) // 4000
    assert large["most_batch"] == (2_000_000_000 - 4 * weights) // 560
    assert first({"kind": "fit", "gigabytes": 2.0}, **adam)["fits"] == 1


def test_the_eigenvalues_are_those_of_second_differences_of_the_gradient():
    bench = TrainerHarness(showing(["hessian"], **SMALL))
    bench.finish()
    found, setup = taken(bench, "hessian")[-1].numbers, bench.trainer.services.setup
    setup.model.eval()
    parameters, step, rows = list(setup.model.parameters()), 1e-5, []

    def gradient() -> torch.Tensor:
        loss = setup.objective(setup.model(setup.data.train.inputs), setup.data.train.targets)
        return torch.cat([part.flatten() for part in torch.autograd.grad(loss, parameters)])

    for parameter in parameters:
        flat = parameter.detach().view(-1)
        for index in range(len(flat)):
            value = float(flat[index])
            ends = []
            for moved in (value + step, value - step):
                flat[index] = moved
                ends.append(gradient())
            flat[index] = value
            rows.append((ends[0] - ends[1]) / (2 * step))
    hessian = torch.stack(rows)
    values = torch.linalg.eigvalsh((hessian + hessian.T) / 2)
    assert found["smallest"] == pytest.approx(float(values[0]), abs=1e-6)
    assert found["largest"] == pytest.approx(float(values[-1]), rel=1e-6)
    assert found["gradient"] == pytest.approx(float(gradient().norm()), rel=1e-9)
    assert found["parameters"] == len(values)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_back_propagation_by_hand_is_autograd_and_the_differences_come_near(activation: str):
    tables = {**SMALL, "model": {"hidden": [3, 2], "activation": activation}}
    found = numbers("backprop", **tables)
    assert found["apart"] < 1e-14
    checked = numbers({"kind": "gradient-check", "example": 1}, **tables)
    assert checked["apart"] < 1e-7
    assert checked["error/1e-12"] > checked["error/1e-05"]


def test_the_table_of_back_propagation_has_the_units_in_their_order():
    bench = TrainerHarness(showing(["backprop"], **SMALL))
    bench.finish()
    data = taken(bench, "backprop")[-1].data
    assert data["rows"][:3] == ["h1.1", "h1.2", "h1.3"]
    sums = [row[0] for row in data["values"]]
    outputs = [row[1] for row in data["values"]]
    slopes = [row[2] for row in data["values"]]
    assert outputs[:3] == pytest.approx([math.tanh(z) for z in sums[:3]], abs=1e-3)
    assert slopes[:3] == pytest.approx([1 - a * a for a in outputs[:3]], abs=1e-3)
    assert sum(row[3] for row in data["values"][3:]) == pytest.approx(0, abs=1e-4)


def test_a_network_that_is_too_large_is_refused_with_its_size():
    for kind, most in (("backprop", "at most 60"), ("hessian", "at most 400")):
        with pytest.raises(UserError, match=most):
            TrainerHarness(showing([kind], model={"hidden": [64, 64]})).finish()


def test_the_target_is_drawn_one_hot_or_smoothed():
    assert first("logits", **DIGITS)["target"] == 1
    smooth = first("logits", **DIGITS, loss={"kind": "cross-entropy", "label_smoothing": 0.1})
    assert smooth["target"] == pytest.approx(0.91)
    assert smooth["other"] == pytest.approx(0.01)


def test_a_field_of_a_picture_is_typed_by_its_name():
    path, value, _ = parse_override("pictures.fit.gigabytes=24")
    assert (path, value) == (["pictures", "fit", "gigabytes"], 24)
    pictures = load("memory", ["pictures.fit.gigabytes=24"]).first.pictures
    assert [(one.kind, getattr(one, "gigabytes", None)) for one in pictures] == [("memory", None), ("fit", 24)]
    assert getattr(pictures[1], "samples", None) == 1_281_167
    added = load("digits-mlp", ["pictures.fit.samples=5"]).first.pictures
    assert [one.kind for one in added] == [*(one.kind for one in load("digits-mlp").first.pictures), "fit"]
    for word in ("pictures.fit=24", "pictures.fits=24"):
        with pytest.raises(UserError, match=r"command line: .*pictures"):
            load("memory", [word])
    for word in ("pictures.fit.gigabyte=24", "pictures.fits.gigabytes=24"):
        with pytest.raises(UserError, match=r"command line: .*did you mean"):
            load("memory", [word])
