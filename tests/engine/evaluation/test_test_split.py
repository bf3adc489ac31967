"""The test split: measured once, at the end, with the weights that the run ends with."""

from __future__ import annotations

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.evaluation.evaluate import evaluate
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev


def measurements(bench: TrainerHarness) -> dict[int, float | None]:
    return bench.column("test_loss")


def measured_now(bench: TrainerHarness) -> float:
    setup = bench.trainer.services.setup
    assert setup.data.test is not None
    values = evaluate(setup.model, setup.objective, setup.data, setup.data.test)
    assert values is not None
    return values["loss"]


@pytest.mark.parametrize(
    "tables",
    [
        {"data": {"test": 0.2}},
        {"data": {"kind": "sine", "samples": 60, "test": 0.2}, "loss": {"kind": "mse"}},
        {"data": {"kind": "text", "test": 0.1}, "model": {"kind": "transformer"}, "training": {"epochs": 1}},
    ],
    ids=["classification", "regression", "language"],
)
def test_a_complete_run_measures_it_once(tables):
    bench = TrainerHarness(tiny_config(**tables))
    if tables["data"].get("kind") == "text":
        bench.steps(2)
        bench.control.put(cmd.Stop())
    finished = bench.finish()
    last = bench.trainer.state.step
    assert measurements(bench) == {last: measured_now(bench)}
    assert finished.metrics["test_loss"] == measured_now(bench)
    assert {name for name in finished.metrics if name.startswith("test_")} == {
        f"test_{name.removeprefix('val_')}" for name in finished.metrics if name.startswith("val_")
    }
    # The run itself does not depend on it, and what it saves does not hold it.
    assert "test_loss" not in bench.trainer.state.last_metrics
    assert any("test split, measured at the end: test_loss " in line.text for line in bench.state.log)


def test_the_training_is_the_same_with_and_without_measuring_it():
    one, other = TrainerHarness(tiny_config(data={"test": 0.2})), TrainerHarness(tiny_config(data={"test": 0.2}))
    other.trainer.services.test = lambda: None
    one.finish()
    other.finish()
    assert measurements(other) == {}
    assert one.column("train_loss") == other.column("train_loss")


def test_early_stopping_measures_the_best_weights():
    stopping = {"enabled": True, "patience": 1, "min_delta": 10.0}
    bench = TrainerHarness(tiny_config(data={"test": 0.2}, early_stopping=stopping))
    bench.steps(4)
    weights = {name: value.clone() for name, value in bench.trainer.services.setup.model.state_dict().items()}
    finished = bench.finish()
    assert finished.reason == "early-stopped"
    assert all(value.equal(weights[name]) for name, value in bench.trainer.services.setup.model.state_dict().items())
    assert measurements(bench) == {8: measured_now(bench)}


@pytest.mark.parametrize(("reason", "count"), [("stopped", 1), ("interrupted", 0)])
def test_a_stop_measures_it_and_an_interruption_does_not(reason, count):
    bench = TrainerHarness(tiny_config(data={"test": 0.2}))
    bench.steps(3)
    bench.control.put(cmd.Stop(reason=reason))
    assert bench.finish().reason == reason
    assert len(measurements(bench)) == count


def test_a_stop_in_a_hurry_and_a_broken_run_measure_nothing():
    bench = TrainerHarness(tiny_config(data={"test": 0.2}))
    bench.steps(3)
    bench.control.put(cmd.Stop())
    bench.control.put(cmd.Stop())
    bench.finish()
    assert measurements(bench) == {}
    bench = TrainerHarness(tiny_config(data={"test": 0.2}, optimizer={"lr": 1e30}))
    assert bench.finish().reason == "not-finite"
    assert measurements(bench) == {}


def test_without_a_test_split_nothing_is_measured():
    bench = TrainerHarness(tiny_config())
    finished = bench.finish()
    assert not any(name.startswith("test_") for name in finished.metrics)
    assert not any(isinstance(event, ev.Scalars) and "test_loss" in event.values for event in bench.events)
