"""One batch tried at some rates: what it says is what torch computes, and the run is as it was, to the bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.engine.trying.test_find_rate import FAMILIES, OPTIMIZERS
from tests.engine.trying.untouched import bits, check_untouched, record_of
from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.preset import load
from tui_trainer.engine.steps.schedule import apply_schedule
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import describe
from tui_trainer.runs.history import first_difference


def tried(config: Any, steps: int, command: cmd.TryStep | None = None) -> tuple[TrainerHarness, ev.StepTried]:
    """A run that paused after some steps and tried its coming batch."""
    bench = TrainerHarness(config)
    bench.steps(steps)
    bench.control.put(cmd.Pause())
    bench.steps(1)
    bench.control.put(command or cmd.TryStep(id="try"))
    bench.steps(1)
    return bench, bench.of(ev.StepTried)[-1]


def test_the_measured_change_is_that_of_the_step_and_the_predicted_one_gradient_times_update():
    bench, found = tried(tiny_config(), 3)
    setup, state = bench.trainer.services.setup, bench.trainer.state
    inputs, targets = next(setup.batches.epoch(state.epoch, state.position))
    loss = F.cross_entropy(setup.model(inputs), targets)
    gradients = torch.autograd.grad(loss, setup.parameters)
    squared = sum(float(gradient.double().square().sum()) for gradient in gradients)
    assert found.loss == pytest.approx(loss.item(), rel=1e-6)
    assert found.grad_norm == pytest.approx(squared**0.5, rel=1e-6)
    assert [trial.rate for trial in found.rates] == pytest.approx([0.01, 0.1 / 3, 0.1, 0.3, 1.0])
    for trial in found.rates:  # plain gradient descent: the update is -rate times the gradient
        assert trial.predicted == pytest.approx(-trial.rate * squared, rel=1e-4)
        with torch.no_grad():
            moved = [p - trial.rate * g for p, g in zip(setup.parameters, gradients, strict=True)]
            names = [name for name, _ in setup.model.named_parameters()]
            outputs = torch.func.functional_call(setup.model, dict(zip(names, moved, strict=True)), (inputs,))
            after = F.cross_entropy(outputs, targets)
        assert trial.measured == pytest.approx(after.item() - loss.item(), rel=1e-3, abs=1e-6)


def test_the_pull_of_a_sample_is_the_norm_of_its_own_gradient_and_its_number_is_that_in_the_data():
    bench, found = tried(tiny_config(model={"kind": "mlp", "hidden": []}), 3)
    setup, state = bench.trainer.services.setup, bench.trainer.state
    inputs, targets = next(setup.batches.epoch(state.epoch, state.position))
    wrong = F.softmax(setup.model(inputs), dim=1) - F.one_hot(targets, 2)
    norms = wrong.norm(dim=1) * (inputs.flatten(1).square().sum(dim=1) + 1).sqrt()  # softmax regression with a bias
    hardest = torch.sort(norms, descending=True)
    assert [pull.place for pull in found.pulls] == hardest.indices[:8].tolist()
    assert [pull.norm for pull in found.pulls] == pytest.approx(hardest.values[:8].tolist(), rel=1e-4)
    assert found.median_pull == pytest.approx(norms.sort().values[10].item(), rel=1e-4)
    for pull in found.pulls:
        assert pull.index is not None
        assert torch.equal(setup.data.train.inputs[pull.index], inputs[pull.place])
        assert pull.label == str(int(targets[pull.place]))
    assert f"#{found.pulls[0].index} ({found.pulls[0].label})" in (describe(found) or "")


def look_at_trial(answer: ev.Event) -> None:
    assert isinstance(answer, ev.StepTried)
    assert len(answer.rates) == 2


TRIAL = cmd.TryStep(id="try", rates=(0.5, 0.001))


@pytest.mark.long
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_trial_leaves_every_optimizer_as_it_was(kind):
    model = {"hidden": [8], "dropout": 0.2, "norm": "batch"}
    check_untouched(tiny_config(model=model, optimizer={"kind": kind}, training={"epochs": 2}), 3, TRIAL, look_at_trial)


@pytest.mark.long
@pytest.mark.parametrize("preset", FAMILIES)
def test_a_trial_leaves_every_family_of_presets_as_it_was(preset):
    changes = [f"{key}={value}" for key, value in FAMILIES[preset].items()]
    check_untouched(next(iter(load(preset, changes).runs.values())), 3, TRIAL, look_at_trial)


@pytest.mark.parametrize("kind", ["adam", "lbfgs", "muon", "sgd"])
def test_a_trial_leaves_the_run_as_it_was(kind):
    model = {"hidden": [8], "dropout": 0.2, "norm": "batch"}
    config = tiny_config(model=model, optimizer={"kind": kind}, training={"epochs": 3})
    plain = TrainerHarness(config)
    plain.finish()
    bench = TrainerHarness(config)
    bench.steps(7)
    bench.control.put(cmd.Pause())
    bench.steps(1)
    apply_schedule(bench.trainer.state, bench.trainer.services)
    before = bits(bench.state_dict())
    bench.control.put(cmd.TryStep(id="try", rates=(0.5, 0.001)))
    bench.steps(1)
    assert bits(bench.state_dict()) == before
    found = bench.of(ev.StepTried)[-1]
    assert [trial.rate for trial in found.rates] == [0.5, 0.001]
    assert all(trial.predicted is not None and trial.measured is not None for trial in found.rates)
    bench.control.put(cmd.Resume())
    bench.finish()
    assert first_difference(record_of(plain), record_of(bench)) == ""
    assert bench.state.marks == []


def test_a_function_without_samples_has_no_pulls():
    config = next(iter(load("zigzag", ["training.epochs=20", "training.steps_per_second=0"]).runs.values()))
    _, found = tried(config, 2)
    assert (found.pulls, found.measured) == ([], 0)
    assert all(trial.measured is not None for trial in found.rates)
