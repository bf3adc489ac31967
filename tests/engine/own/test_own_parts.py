"""Own loss, metric and optimizer: they train as the same code does by hand, and survive undo, resume and replay."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.metrics import f1_score
from torch import nn

from tests.fixtures import own_parts
from tests.support import TrainerHarness, tiny_config
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

OWN = "tests.fixtures.own_parts"
LOSS = {"kind": "import", "path": f"{OWN}:focal", "arguments": {"gamma": 1.5}}
OPTIMIZER = {"kind": "import", "path": f"{OWN}:SignMomentum", "lr": 0.01, "arguments": {"beta": 0.8}}
METRICS = {"f1": {"path": f"{OWN}:f1", "arguments": {"positive": 1}, "train": True}}


def own_config(**tables: Any) -> Any:
    return tiny_config(**{"loss": LOSS, "optimizer": OPTIMIZER, "metrics": METRICS, **tables})


def losses(bench: TrainerHarness) -> list[float | None]:
    bench.flush()
    return list(bench.column("train_loss").values())


def test_the_curve_is_that_of_the_same_loop_by_hand():
    bench = TrainerHarness(own_config(training={"epochs": 2}))
    setup = bench.trainer.services.setup
    twin = nn.Sequential(*[type(each)(*_sizes(each)) for each in _plain(setup.model)])
    twin.load_state_dict(dict(zip(twin.state_dict(), setup.model.state_dict().values(), strict=True)))
    optimizer = own_parts.SignMomentum(twin.parameters(), lr=0.01, beta=0.8)
    expected = []
    for epoch in range(2):
        for inputs, targets in setup.batches.epoch(epoch):
            loss = own_parts.focal(twin(inputs.flatten(1)), targets, gamma=1.5)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
    bench.finish()
    assert losses(bench) == expected


def _plain(model: nn.Module) -> list[nn.Module]:
    return [each for each in model.modules() if isinstance(each, nn.Linear | nn.ReLU)]


def _sizes(module: nn.Module) -> tuple[int, ...]:
    return (module.in_features, module.out_features) if isinstance(module, nn.Linear) else ()


def test_a_metric_is_that_of_scikit_learn_over_the_validation_split_and_a_mean_over_the_batches():
    bench = TrainerHarness(own_config(training={"epochs": 1}))
    model, data = bench.trainer.services.setup.model, bench.trainer.services.setup.data
    bench.finish()
    (ended,) = bench.of(ev.EpochEnded)
    predicted = model(data.validation.inputs).argmax(1)
    assert ended.metrics["val_f1"] == pytest.approx(f1_score(data.validation.targets, predicted), abs=1e-12)
    assert 0 <= ended.metrics["train_f1"] <= 1
    assert bench.of(ev.RunStarted)[0].metric == "accuracy"


def test_the_best_epoch_follows_an_own_metric_which_the_metric_chart_shows():
    bench = TrainerHarness(own_config(early_stopping={"enabled": True, "monitor": "val_f1", "patience": 2}))
    assert bench.of(ev.RunStarted)[0].metric == "f1"
    bench.finish()
    values = [ended.metrics["val_f1"] for ended in bench.of(ev.EpochEnded)]
    best = bench.of(ev.EpochEnded)[-1].best
    assert best is not None
    assert best.metric == "val_f1"
    assert best.value == max(values)


def test_numbers_reach_a_metric_in_the_units_of_the_data():
    metrics = {"mae": {"path": f"{OWN}:mean_error"}}
    bench = TrainerHarness(
        tiny_config(data={"kind": "diabetes"}, loss={"kind": "mse"}, metrics=metrics, training={"epochs": 1})
    )
    data, model = bench.trainer.services.setup.data, bench.trainer.services.setup.model
    bench.finish()
    error = (model(data.validation.inputs) - data.validation.targets).abs().mean().item() * data.target_scales[0]
    assert bench.of(ev.EpochEnded)[0].metrics["val_mae"] == pytest.approx(error, rel=1e-5)


def test_a_run_goes_on_from_the_middle_of_an_epoch_to_the_bit():
    whole = TrainerHarness(own_config())
    whole.finish()
    first = TrainerHarness(own_config())
    first.steps(8)
    tree = first.state_dict()
    second = TrainerHarness(own_config())
    second.load_state_dict(tree)
    second.finish()
    assert losses(whole)[8:] == losses(second)
    assert whole.of(ev.EpochEnded)[-1].metrics == second.of(ev.EpochEnded)[-1].metrics
    assert second.of(ev.EpochEnded)[0].metrics["train_f1"] == whole.of(ev.EpochEnded)[1].metrics["train_f1"]


def test_an_undo_repeats_the_steps_to_the_bit():
    whole = TrainerHarness(own_config())
    whole.finish()
    bench = TrainerHarness(own_config())
    bench.steps(7)
    bench.control.put(cmd.SetLearningRate(id="a", factor=3.0))
    bench.steps(4)
    bench.control.put(cmd.Undo(id="b"))
    bench.finish()
    assert bench.of(ev.RolledBack)
    assert list(bench.state.series["train_loss"].values) == losses(whole)


def test_another_optimizer_takes_over_and_an_untrusted_one_does_not():
    bench = TrainerHarness(own_config())
    bench.steps(3)
    bench.control.put(cmd.SetOptimizer(id="a", optimizer={"kind": "import", "path": "os:system"}))
    bench.steps(1)
    assert "was not trusted" in bench.of(ev.Refused)[-1].reason
    bench.control.put(cmd.SetOptimizer(id="b", optimizer={"kind": "adam"}, named=()))
    bench.steps(1)
    bench.control.put(cmd.SetOptimizer(id="c", optimizer=OPTIMIZER, named=("path", "arguments", "lr")))
    bench.finish()
    assert [event.optimizer.kind for event in bench.of(ev.OptimizerChanged)] == ["adam", "import"]


def test_a_checkpoint_cannot_bring_code():
    first = TrainerHarness(own_config())
    first.steps(2)
    tree = first.state_dict()
    tree["optimizer_choice"] = {"kind": "import", "path": "os:system", "lr": 0.1}
    with pytest.raises(ValueError, match="does not trust"):
        TrainerHarness(own_config()).load_state_dict(tree)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"loss": {**LOSS, "path": f"{OWN}:broken_loss", "arguments": {}}}, ("loss.path", "[8]", "loss.mean()")),
        ({"loss": {**LOSS, "path": f"{OWN}:without_gradient", "arguments": {}}}, ("loss.path", "detach")),
        ({"loss": {**LOSS, "arguments": {"gama": 1.0}}}, ("loss.path", "gama")),
        ({"loss": {**LOSS, "path": f"{OWN}:fokal"}}, ("loss.path", "fokal")),
        ({"loss": {"kind": "import"}}, ("loss.path", "module:function")),
        ({"metrics": {"f1": {"path": f"{OWN}:failing_metric"}}}, ("metrics.f1.path", "no such class")),
        ({"metrics": {"f1": {"path": f"{OWN}:two_numbers"}}}, ("metrics.f1.path", "one number")),
        ({"optimizer": {**OPTIMIZER, "path": "torch.nn:Linear"}}, ("optimizer.path", "Linear")),
        ({"optimizer": {**OPTIMIZER, "arguments": {"lr": 0.1}}}, ("optimizer.arguments.lr", "optimizer.lr")),
    ],
)
def test_bad_code_is_named_before_the_first_step(tables, words):
    with pytest.raises(UserError) as refused:
        TrainerHarness(own_config(**tables))
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"metrics": {"loss": {"path": "a:b"}}}, "metrics.loss"),
        ({"metrics": {"val_x": {"path": "a:b"}}}, "no split"),
        ({"metrics": {"x_score": {}}}, "metrics.x_score.path: missing"),
        ({"metrics": {"gini": {"path": "a:b"}}}, "gini_score for larger or gini_error for smaller"),
        (
            {"early_stopping": {"monitor": "train_gini_score"}, "metrics": {"gini_score": {"path": "a:b"}}},
            "not measured",
        ),
        ({"early_stopping": {"monitor": "val_f2"}}, "val_f1"),
    ],
)
def test_bad_settings_of_metrics_are_refused(tables, words):
    with pytest.raises(ValueError, match=words):
        own_config(**tables)


def test_a_loss_of_torch_is_a_class_with_arguments():
    loss = {"kind": "import", "path": "torch.nn:SmoothL1Loss", "arguments": {"beta": 0.5}}
    bench = TrainerHarness(tiny_config(data={"kind": "diabetes"}, loss=loss, training={"epochs": 1}))
    setup = bench.trainer.services.setup
    inputs, targets = next(iter(setup.batches.epoch(0)))
    expected = nn.functional.smooth_l1_loss(setup.model(inputs), targets, beta=0.5).item()
    bench.steps(1)
    assert losses(bench) == [pytest.approx(expected, rel=1e-6)]
    assert torch.isfinite(torch.tensor(losses(bench))).all()
