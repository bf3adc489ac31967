"""Descents whose every number is known: iteration counts, exact minima, what a step costs, and who may not go."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

K = 1000.0
ROOT = math.sqrt(K)
FAR, NEAR = (K, 1.0), (1.0, 1.0)
GD: dict[str, Any] = {"kind": "sgd", "lr": 1 / K}
BEST: dict[str, Any] = {"kind": "sgd", "lr": 2 / (K + 1)}
HEAVY: dict[str, Any] = {"kind": "sgd", "lr": 4 / (ROOT + 1) ** 2, "momentum": ((ROOT - 1) / (ROOT + 1)) ** 2}
NESTEROV: dict[str, Any] = {"kind": "sgd", "lr": 1 / K, "momentum": (ROOT - 1) / (ROOT + 1), "nesterov": True}


def bowl(optimizer: dict[str, Any], steps: int, **tables: dict[str, Any]) -> RunConfig:
    data = {"kind": "quadratic", "functions": steps, **tables.pop("data", {})}
    training = {"epochs": 1, "precision": "float64", "suboptimality_every": 1, "device": "cpu", "layers_every": 0}
    training |= tables.pop("training", {})
    return RunConfig.model_validate({"data": data, "optimizer": optimizer, "training": training, **tables})


def gone(config: RunConfig) -> TrainerHarness:
    bench = TrainerHarness(config)
    bench.finish()
    return bench


def iterations(optimizer: dict[str, Any], steps: int, rotation: float, start: tuple[float, float]) -> int | None:
    """Steps until f <= 1e-6 f0, None where that many were not enough."""
    bench = gone(bowl(optimizer, steps, data={"rotation": rotation, "start": start}))
    found = bench.column("suboptimality")
    return next((step for step, value in found.items() if value is not None and value <= 1e-6), None)


@pytest.mark.parametrize("rotation", [0.0, 45.0])
@pytest.mark.parametrize(
    ("optimizer", "start", "wanted"),
    [
        pytest.param(GD, FAR, 6904, marks=pytest.mark.long),
        (GD, NEAR, 3452),
        pytest.param(BEST, FAR, 3454, marks=pytest.mark.long),
        pytest.param({"kind": "steepest-descent"}, FAR, 3454, marks=pytest.mark.long),
        ({"kind": "steepest-descent"}, NEAR, 2),
        (HEAVY, FAR, 151),
        (HEAVY, NEAR, 204),
        (GD | {"momentum": 0.9}, FAR, 629),
        (NESTEROV, FAR, 286),
        (NESTEROV, NEAR, 164),
        ({"kind": "newton"}, FAR, 1),
        ({"kind": "bfgs"}, FAR, 2),
        ({"kind": "lbfgs"}, FAR, 1),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else str(value),
)
def test_iterations_on_an_ill_conditioned_bowl(
    optimizer: dict[str, Any], start: tuple[float, float], wanted: int, rotation: float
) -> None:
    found = iterations(optimizer, wanted + 50, rotation, start)
    assert found is not None
    assert abs(found - wanted) <= wanted * 0.01


@pytest.mark.parametrize(("kind", "lr", "aligned"), [("adagrad", 1000.0, 3), ("rmsprop", 100.0, 3)])
def test_a_scale_for_each_coordinate_helps_where_the_bowl_lies_along_them(kind: str, lr: float, aligned: int) -> None:
    assert iterations({"kind": kind, "lr": lr}, 10, 0.0, FAR) == aligned
    for rate in (lr / 100, lr / 10, lr):
        assert iterations({"kind": kind, "lr": rate}, 1000, 45.0, FAR) is None


@pytest.mark.parametrize(("share", "falls"), [(1.9, True), (2.01, False)])
def test_gradient_descent_diverges_beyond_two_over_the_largest_curvature(share: float, falls: bool) -> None:
    bench = gone(bowl({"kind": "sgd", "lr": share / K}, 1000))
    assert bench.trainer.services.setup.data.known["lr that diverges"] == 2 / K
    last = list(bench.column("suboptimality").values())[-1]
    assert last is not None
    assert (last < 1) is falls


def moves(bench: TrainerHarness) -> list[torch.Tensor]:
    columns = [bench.column(f"coordinate/{axis}").values() for axis in (1, 2)]
    path = torch.tensor(list(zip(*columns, strict=True)), dtype=torch.float64)
    return list(path.diff(dim=0))


def test_with_exact_line_search_successive_moves_are_orthogonal_and_zigzag() -> None:
    steps = moves(gone(bowl({"kind": "steepest-descent"}, 200)))
    cosines = [float(a @ b / (a.norm() * b.norm())) for a, b in pairwise(steps)]
    assert max(abs(cosine) for cosine in cosines) < 1e-6
    assert all(float(a[1] * b[1]) < 0 for a, b in pairwise(steps)), "the steep coordinate changes sides every step"
    creeping = [float(a @ b / (a.norm() * b.norm())) for a, b in pairwise(moves(gone(bowl(GD, 200))))]
    assert sum(creeping) / len(creeping) > 0.99


@pytest.mark.parametrize(
    ("optimizer", "each"), [({"kind": "steepest-descent"}, 2), ({"kind": "bfgs"}, 3), ({"kind": "newton"}, 3)]
)
def test_a_step_says_how_many_gradients_it_evaluated(optimizer: dict[str, Any], each: int) -> None:
    bench = gone(bowl(optimizer, 5))
    assert bench.column("evaluations") == {step: each * step for step in range(1, 6)}
    assert not gone(bowl(GD, 5)).column("evaluations"), "one for each step is what the step count says"


def test_evaluations_are_counted_on_after_the_optimizer_was_changed() -> None:
    bench = TrainerHarness(bowl({"kind": "newton"}, 10))
    bench.steps(4)
    bench.control.put(cmd.SetOptimizer.model_validate({"optimizer": GD}))
    bench.finish()
    assert list(bench.column("evaluations").values()) == [3, 6, 9, 12, 13, 14, 15, 16, 17, 18]


def stochastic_end(lr: float, scheduler: dict[str, Any], steps: int) -> float:
    """Return the mean of 1/2 x^2 over the last quarter of the steps, which begin at 10 and have noise 1."""
    data = {"dimensions": 1, "start": (10.0,), "noise": 1.0}
    bench = gone(bowl({"kind": "sgd", "lr": lr}, steps, data=data, scheduler=scheduler))
    tail = [value for value in list(bench.column("coordinate/1").values())[-steps // 4 :] if value is not None]
    assert bench.of(ev.EpochEnded)[-1].metrics["val_loss"] == pytest.approx(tail[-1] ** 2 / 2)
    return sum(value**2 / 2 for value in tail) / len(tail)


@pytest.mark.long
def test_the_stochastic_bowl_obeys_robbins_and_monro() -> None:
    """A constant rate keeps its noise; rates whose sum diverges and whose sum of squares converges arrive."""
    assert stochastic_end(0.1, {"kind": "constant"}, 20_000) == pytest.approx(0.1 / (2 * (2 - 0.1)), rel=0.15)
    assert stochastic_end(0.5, {"kind": "inverse-time", "decay": 0.05, "per": "step"}, 20_000) < 5e-4


def test_rates_whose_sum_converges_do_not_arrive() -> None:
    assert stochastic_end(0.1, {"kind": "exponential", "gamma": 0.9, "per": "step"}, 2000) > 5
    assert stochastic_end(0.5, {"kind": "inverse-time", "decay": 5.0, "per": "step"}, 2000) > 1


def squares(sampling: str, *, seed: int = 0, bias: bool = False, **tables: dict[str, Any]) -> RunConfig:
    table: dict[str, Any] = {
        "data": {"kind": "least-squares", "samples": 2500, "batch_size": 32, "sampling": sampling},
        "model": {"kind": "linear", "bias": bias, "init": "zeros"},
        "loss": {"kind": "half-mse"},
        "optimizer": {"kind": "sgd", "lr": 0.1},
        "training": {"epochs": 1, "precision": "float64", "suboptimality_every": 1, "device": "cpu", "seed": seed},
    }
    for name, values in tables.items():
        table[name] = {**table[name], **values}
    return RunConfig.model_validate(table)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("loss", "share"), [("half-mse", 0.5), ("mse", 1.0)])
def test_the_suboptimality_is_that_of_the_whole_training_objective(bias: bool, loss: str, share: float) -> None:
    bench = TrainerHarness(squares("shuffle", bias=bias, loss={"kind": loss}))
    train = bench.trainer.services.setup.data.train
    columns = torch.cat([train.inputs, torch.ones(len(train), 1, dtype=torch.float64)], 1) if bias else train.inputs
    residual = columns @ torch.linalg.lstsq(columns, train.targets).solution - train.targets
    least, first = share * float(residual.square().mean()), share * float(train.targets.square().mean())
    bench.steps(7)
    outputs = bench.trainer.services.setup.model(train.inputs).detach()
    now = share * float((outputs - train.targets).square().mean())
    bench.finish()
    column = bench.column("suboptimality")
    assert column[0] == 1.0
    assert column[7] == pytest.approx((now - least) / (first - least), rel=1e-9)
    assert len(column) == bench.trainer.services.steps_per_epoch + 1
    assert bench.of(ev.RunStarted)[0].references["minimum"] == pytest.approx(least, rel=1e-12)
    assert bench.of(ev.RunStarted)[0].known["lr of sgd"] > 0


@pytest.mark.parametrize("seed", range(3))
def test_gradient_descent_wins_by_iteration_and_sgd_by_epoch(seed: int) -> None:
    known = TrainerHarness(squares("shuffle", seed=seed, data={"condition": 100.0})).trainer.services.setup.data.known
    whole, noisy = (
        gone(
            squares(
                sampling,
                seed=seed,
                data={"condition": 100.0},
                optimizer={"lr": known[name]},
                training={"epochs": epochs},
            )
        )
        for sampling, name, epochs in (("full", "lr of gradient descent", 5), ("shuffle", "lr of sgd", 1))
    )
    gd, sgd = whole.column("suboptimality"), noisy.column("suboptimality")
    assert (sgd[5] or 0) / (gd[5] or 1) > 1.5
    assert (sgd[noisy.trainer.services.steps_per_epoch] or 1) / (gd[1] or 1) < 0.25


def test_a_gap_is_never_lost_in_rounding() -> None:
    """(f - f*) / f0 falls far below the smallest difference from f* that float64 can tell."""
    bench = gone(squares("full", optimizer={"kind": "newton", "lr": 1.0}, training={"epochs": 3}))
    last = list(bench.column("suboptimality").values())[-1]
    assert last is not None
    assert 0 <= last < 1e-25


@pytest.mark.parametrize(
    "tables",
    [
        {"model": {"kind": "mlp"}},
        {"loss": {"kind": "l1"}},
        {"data": {"kind": "digits"}, "model": {"kind": "linear"}, "loss": {"kind": "mse"}},
    ],
)
def test_what_has_no_known_minimum_says_so(tables: dict[str, Any]) -> None:
    table: dict[str, Any] = {"data": {"kind": "least-squares"}, "model": {"kind": "linear"}, **tables}
    config = RunConfig.model_validate({**table, "training": {"suboptimality_every": 1, "device": "cpu"}})
    with pytest.raises(UserError, match=r"training\.suboptimality_every .*is not known.*set it to 0"):
        TrainerHarness(config)


@pytest.mark.parametrize("kind", ["lbfgs", "newton", "bfgs", "steepest-descent"])
def test_clipping_would_falsify_a_search_and_is_refused(kind: str) -> None:
    with pytest.raises(UserError, match=r"set training\.clip_grad_norm=0"):
        TrainerHarness(bowl({"kind": kind}, 5, training={"clip_grad_norm": 1.0}))
    bench = TrainerHarness(bowl({"kind": kind}, 5))
    bench.steps(2)
    bench.control.put(cmd.SetClip(value=1.0))
    bench.steps(1)
    assert "clip_grad_norm=0" in bench.of(ev.Refused)[0].reason
    assert bench.trainer.state.clip == 0
    bench = TrainerHarness(bowl(GD, 5, training={"clip_grad_norm": 1.0}))
    bench.steps(2)
    bench.control.put(cmd.SetOptimizer.model_validate({"optimizer": {"kind": kind}}))
    bench.steps(1)
    assert "clip_grad_norm=0" in bench.of(ev.Refused)[0].reason
    assert bench.trainer.services.optimizer.description.kind == "sgd"


def test_short_floats_would_falsify_a_search_and_are_refused() -> None:
    with pytest.raises(UserError, match="bfloat16 rounds away"):
        TrainerHarness(tiny_config(optimizer={"kind": "lbfgs"}, training={"precision": "bfloat16"}))


def test_newton_on_a_net_of_digits_is_refused_before_anything_runs() -> None:
    with pytest.raises(UserError, match=r"optimizer newton holds a matrix.*17,226 of them.*choose lbfgs"):
        TrainerHarness(tiny_config(data={"kind": "digits"}, model={"hidden": [128, 64]}, optimizer={"kind": "newton"}))


def test_a_search_measures_norm_and_layers_where_the_step_began() -> None:
    training = {"norm_every": 1, "layers_every": 1}
    bench = gone(bowl({"kind": "steepest-descent"}, 3, training=training))
    plain = TrainerHarness(bowl({"kind": "sgd", "lr": 1e-9}, 1, training=training))
    plain.finish()
    norm = bench.column("grad_norm")[1]
    assert norm == pytest.approx(math.hypot(K, K))
    assert norm == plain.column("grad_norm")[1]
    layers = [event.layers["point"] for event in bench.of(ev.LayersMeasured)]
    assert [layer.grad_norm for layer in layers] == list(bench.column("grad_norm").values())
    assert all(layer.update_ratio for layer in layers)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"data": {"kind": "quadratic"}, "loss": {"kind": "mse"}}, 'set loss.kind = "value"'),
        ({"data": {"kind": "quadratic"}, "loss": {"kind": "cross-entropy"}}, 'set loss.kind = "value"'),
        ({"data": {"kind": "digits"}, "loss": {"kind": "value"}}, 'set loss.kind = "cross-entropy"'),
        ({"data": {"kind": "sine"}, "loss": {"kind": "value"}}, 'set loss.kind = "mse"'),
        ({"data": {"kind": "quadratic"}, "model": {"kind": "point", "head": "sigmoid"}}, 'model.head = "identity"'),
        ({"data": {"kind": "quadratic"}, "scheduler": {"kind": "plateau", "watch": "val_error"}}, "no classes"),
        ({"data": {"kind": "quadratic"}, "early_stopping": {"monitor": "val_accuracy"}}, "is not measured"),
    ],
)
def test_pairs_that_make_no_sense_are_refused(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        RunConfig.model_validate(tables)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"data": {"kind": "quadratic"}, "model": {"kind": "mlp"}}, 'choose model.kind = "point"'),
        ({"data": {"kind": "quadratic"}, "model": {"kind": "transformer"}}, 'choose model.kind = "point"'),
        ({"data": {"kind": "digits"}, "model": {"kind": "point"}}, 'choose data.kind = "quadratic"'),
    ],
)
def test_models_that_cannot_read_the_data_are_refused(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as refusal:
        TrainerHarness(RunConfig.model_validate({**tables, "training": {"device": "cpu"}}))
    assert words in str(refusal.value)


def test_a_bowl_alone_is_a_whole_run_without_a_metric() -> None:
    bench = gone(RunConfig.model_validate({"data": {"kind": "quadratic"}, "training": {"epochs": 2, "device": "cpu"}}))
    started = bench.of(ev.RunStarted)[0]
    assert (started.task, started.metric, started.loss) == ("minimise", "", "value")
    assert started.model == "point in 2 dimensions"
    assert started.known["lr of gradient descent"] == pytest.approx(1e-3)
    assert set(bench.of(ev.EpochEnded)[-1].metrics) == {"train_loss", "val_loss"}


def test_in_float64_everything_is_double() -> None:
    bench = TrainerHarness(tiny_config(training={"precision": "float64"}))
    bench.steps(3)
    setup = bench.trainer.services.setup
    assert {tensor.dtype for tensor in (*setup.parameters, setup.data.train.inputs)} == {torch.float64}
    assert all(p.grad is not None and p.grad.dtype == torch.float64 for p in setup.parameters)
    narrow = TrainerHarness(tiny_config())
    wide = TrainerHarness(tiny_config(training={"precision": "float64"})).trainer
    narrow = narrow.trainer
    assert all(
        torch.equal(a.float(), b)
        for a, b in zip(wide.services.setup.parameters, narrow.services.setup.parameters, strict=True)
    ), "the same first weights"
