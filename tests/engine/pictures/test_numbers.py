"""The numbers beside the pictures, against formulas and against what the lecture's table demands."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch

from tests.engine.pictures.test_recorder import showing, taken
from tests.support import TrainerHarness

DIGITS = {
    "data": {"kind": "digits", "batch_size": 32, "validation": 0.2},
    "model": {"kind": "mlp", "hidden": [64]},
    "training": {"epochs": 1},
}


def numbers(picture: Any, **tables: dict[str, Any]) -> dict[str, float]:
    """The numbers of the last picture of a run."""
    bench = TrainerHarness(showing([picture], **tables))
    bench.finish()
    name = picture if isinstance(picture, str) else picture["kind"]
    return {key: value for key, value in taken(bench, name)[-1].numbers.items() if value is not None}


def first(picture: Any, **tables: dict[str, Any]) -> dict[str, float]:
    """The numbers at the first weights."""
    bench = TrainerHarness(showing([picture], **tables))
    bench.steps(1)
    name = picture if isinstance(picture, str) else picture["kind"]
    return {key: value for key, value in taken(bench, name)[0].numbers.items() if value is not None}


def test_activations_have_the_derivatives_of_the_table():
    kinds = ["sigmoid", "tanh", "relu", "leaky-relu", "abs", "sign"]
    found = first({"kind": "activation", "kinds": kinds})
    assert found["max_derivative/sigmoid"] == pytest.approx(0.25, abs=1e-3)
    assert found["max_derivative/tanh"] == pytest.approx(1.0, abs=1e-6)
    assert found["zero_share/sign"] == 1.0
    assert found["zero_share/relu"] == pytest.approx(0.5, abs=0.01)
    assert all(found[f"zero_share/{kind}"] < 0.001 for kind in ("sigmoid", "tanh", "leaky-relu", "abs"))
    expected = {"sigmoid": 0.045, "tanh": 0.465, "relu": 0.5, "leaky-relu": 0.5, "abs": 1.0}
    for kind, value in expected.items():
        assert found[f"mean_square_derivative/{kind}"] == pytest.approx(value, abs=0.01)
    assert all(found[f"nanoseconds/{kind}"] > 0 for kind in kinds)


def test_layers_measure_what_autograd_and_linear_algebra_say():
    bench = TrainerHarness(showing(["layers"], model={"hidden": [8, 6]}))
    before = [
        weight.detach().clone()
        for name, weight in bench.trainer.services.setup.model.named_parameters()
        if "bias" not in name
    ]
    bench.finish()
    found, setup = taken(bench, "layers")[-1].numbers, bench.trainer.services.setup
    setup.model.zero_grad()
    setup.model.eval()
    setup.objective(setup.model(setup.data.train.inputs), setup.data.train.targets).backward()
    for name, was in zip(("hidden1", "hidden2", "output"), before, strict=True):
        layer = setup.model.get_submodule(name)
        assert found[f"gradient/{name}"] == pytest.approx(float(layer.weight.grad.norm()), rel=1e-4)
        # The gradient of a bias is that of the layer's sums, added up over the samples.
        assert found[f"delta/{name}"] == pytest.approx(float(layer.bias.grad.norm()), rel=1e-4)
        assert found[f"movement/{name}"] == pytest.approx(
            float((layer.weight.detach() - was).norm() / was.norm()), rel=1e-4
        )
        assert found[f"rank/{name}"] == float(torch.linalg.matrix_rank(layer.weight.detach().double()))
    with torch.no_grad():
        hidden = torch.relu(setup.model.get_submodule("hidden1")(setup.data.train.inputs))
        logits = setup.model(setup.data.train.inputs)
    assert found["deviation/hidden1"] == pytest.approx(float(hidden.std(correction=0)), rel=1e-4)
    assert found["deviation/logits"] == pytest.approx(float(logits.std(correction=0)), rel=1e-4)


def test_the_sign_passes_no_gradient_and_its_layers_never_move():
    found = numbers("layers", **{**DIGITS, "model": {"kind": "mlp", "hidden": [64, 64], "activation": "sign"}})
    assert [found[f"{what}/hidden{k}"] for what in ("gradient", "movement") for k in (1, 2)] == [0, 0, 0, 0]
    assert found["gradient/output"] > 0


def test_constant_weights_stay_of_rank_one_and_zero_weights_do_not_move():
    constant = numbers("layers", **{**DIGITS, "model": {"hidden": [16], "init": {"kind": "constant", "value": 0.05}}})
    assert constant["rank/hidden1"] == 1
    assert constant["row_spread/hidden1"] < 1e-6
    zero = numbers("layers", **{**DIGITS, "model": {"hidden": [16], "activation": "tanh", "init": "zeros"}})
    assert zero["movement/hidden1"] == zero["movement/output"] == 0
    assert zero["rank/hidden1"] == 0


def test_deep_sigmoid_layers_learn_ever_more_slowly_towards_the_input():
    model = {"kind": "mlp", "hidden": [30, 30, 30], "activation": "sigmoid", "init": {"kind": "normal", "std": 0.18}}
    found = first("layers", **{**DIGITS, "model": model})
    deltas = [found[f"delta/{name}"] for name in ("hidden1", "hidden2", "hidden3", "output")]
    ratios = [after / before for before, after in pairwise(deltas)]
    assert min(ratios) > 2
    assert found["delta_ratio"] == pytest.approx(sum(ratios[:2]) / 2)


@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_orthogonal_matrices_are_orthogonal(gain):
    init = {"kind": "orthogonal", "gain": gain}
    found = first("singular-values", **{**DIGITS, "model": {"hidden": [64, 32], "init": init}})
    assert all(found[f"orthogonality/{name}"] < 1e-5 * gain**2 for name in ("hidden1", "hidden2", "output"))
    assert found["largest/hidden1"] == pytest.approx(gain, rel=1e-5)


def test_probabilities_sum_to_one_and_confidence_is_calibrated_by_hand():
    assert numbers("logits")["sum"] == pytest.approx(1, abs=1e-6)
    bench = TrainerHarness(showing([{"kind": "confidence", "bins": 4}]))
    bench.finish()
    found, setup = taken(bench, "confidence")[-1].numbers, bench.trainer.services.setup
    setup.model.eval()
    with torch.no_grad():
        sure, answer = setup.model(setup.data.validation.inputs).softmax(-1).max(-1)
        logits = setup.model(setup.data.train.inputs)
    right = (answer == setup.data.validation.targets).float()
    expected = 0.0
    for low in (0, 0.25, 0.5, 0.75):
        mine = (sure >= low) & (sure < low + 0.25)
        if mine.any():
            expected += float(abs(right[mine].mean() - sure[mine].mean()) * mine.sum() / len(sure))
    assert found["ece"] == pytest.approx(expected, abs=1e-5)
    assert found["mean_confidence"] == pytest.approx(float(sure.mean()), abs=1e-6)
    own = logits.gather(1, setup.data.train.targets.unsqueeze(1)).squeeze(1)
    gaps = own - (logits.sum(1) - own)
    assert found["logit_gap"] == pytest.approx(float(gaps.double().quantile(0.5)), rel=1e-5)


def test_smoothed_labels_have_a_best_gap_and_a_floor():
    loss = {"kind": "cross-entropy", "label_smoothing": 0.1}
    found = first("confidence", **{**DIGITS, "loss": loss})
    assert found["theory_gap"] == pytest.approx(math.log(0.91 / 0.01))
    assert found["loss_floor"] == pytest.approx(0.5003, abs=1e-4)


def test_an_epoch_without_replacement_sees_everything_and_one_with_it_all_but_one_in_e():
    assert numbers("coverage", **DIGITS)["seen_share"] == 1.0
    found = numbers("coverage", **{**DIGITS, "data": {**DIGITS["data"], "sampling": "replacement"}})
    assert found["seen_share"] == pytest.approx(1 - 1 / math.e, abs=0.02)
    assert found["most"] > 1


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_the_noise_of_mini_batches_is_that_of_theory(seed):
    found = first("gradient-noise", **{**DIGITS, "training": {"epochs": 1, "seed": seed}})
    for scheme in ("with", "without"):
        for size in (1, 8, 32, 128, 512):
            assert 0.9 < found[f"{scheme}/{size}"] < 1.1, (scheme, size)
    assert found["slope_with"] == pytest.approx(-1, abs=0.05)
    assert found["bias"] < 2


@pytest.mark.parametrize(
    ("optimizer", "floats"),
    [({"kind": "sgd"}, 0), ({"kind": "sgd", "momentum": 0.9}, 1), ({"kind": "rmsprop"}, 1), ({"kind": "adam"}, 2)],
)
def test_memory_is_a_straight_line_and_optimizers_keep_what_the_table_says(optimizer, floats):
    found = first("memory", **DIGITS, optimizer={"lr": 0.01, **optimizer})
    assert found["bytes_per_sample"] == pytest.approx(560)
    assert found["residual"] < 1e-6
    assert found["optimizer_floats_per_parameter"] == floats


def test_the_first_effective_step_is_ten_rates_of_rmsprop_and_one_of_adam():
    steps = {"data": {"kind": "moons", "samples": 120, "batch_size": 20}}
    for optimizer, expected in (("rmsprop", 10), ("adam", 1), ("adagrad", 1)):
        found = numbers("effective-step", **steps, optimizer={"kind": optimizer, "lr": 0.001})
        assert found["first"] == pytest.approx(expected, rel=1e-3)
        assert found["at/1"] > 0


def test_the_effective_step_of_adagrad_dies_with_the_root_of_a_constant_gradient():
    # One sample, a loss whose gradient does not change: |error| far from the data.
    tables = {
        "data": {"kind": "sine", "samples": 100, "sampling": "full", "noise": 0.0},
        "model": {"kind": "linear", "init": {"kind": "constant", "value": 100.0}},
        "loss": {"kind": "l1"},
        "training": {"epochs": 200},
        "optimizer": {"kind": "adagrad", "lr": 0.01},
    }
    assert numbers("effective-step", **tables)["slope"] == pytest.approx(-0.5, abs=0.02)


def test_gradient_norms_are_of_one_moment():
    bench = TrainerHarness(showing(["gradient-norms"], data={"sampling": "full"}))
    bench.finish()
    found = taken(bench, "gradient-norms")[-1].numbers
    assert found["mini_last"] == pytest.approx(found["full_last"], rel=1e-5)
    assert found["full_first"] == pytest.approx(bench.column("grad_norm")[1], rel=1e-5)


def test_a_wrong_sigmoid_is_pulled_back_by_bce_and_not_by_the_squared_error():
    found = first("output-gradient")
    assert found["bce_at_-10"] == pytest.approx(1, abs=1e-3)
    assert found["mse_at_-10"] < 1e-3
    assert found["mse_at_-10"] == pytest.approx(9.1e-5, rel=0.01)


def test_a_path_that_overshoots_turns_round_at_every_step():
    # The bias of a line through sine data sees a bowl of curvature 2 alone: rate 0.9 overshoots by four fifths.
    tables = {
        "data": {"kind": "sine", "samples": 60, "sampling": "full"},
        "model": {"kind": "linear"},
        "loss": {"kind": "mse"},
        "optimizer": {"kind": "sgd", "lr": 0.9},
        "training": {"epochs": 30},
    }
    found = numbers("path", **tables)
    assert found["steps"] == 30
    assert found["mean_cos"] < -0.99
    assert found["flip_share"] == 1.0


def test_confusion_boundary_and_prediction_count_the_validation_split():
    bench = TrainerHarness(showing(["confusion", "boundary"]))
    bench.finish()
    accuracy = bench.state.metrics["val_accuracy"]
    assert taken(bench, "confusion")[-1].numbers["accuracy"] == pytest.approx(accuracy)
    assert taken(bench, "boundary")[-1].numbers["accuracy"] == pytest.approx(accuracy)
    numbers_of = TrainerHarness(showing(["predicted"], data={"kind": "diabetes"}, loss={"kind": "mse"}))
    numbers_of.finish()
    assert taken(numbers_of, "predicted")[-1].numbers["mse"] == pytest.approx(
        numbers_of.state.metrics["val_loss"], rel=1e-5
    )
