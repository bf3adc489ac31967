"""Outputs and gradients of a run's network at weights recorded by the run."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_trainer.data.types import Split
from tui_trainer.engine.evaluation.evaluate import evaluate
from tui_trainer.lecture.trained_run import TrainedRun, Weights


def outputs(trained: TrainedRun, weights: Weights | None = None, split: Split | None = None) -> Tensor:
    """Return the network's outputs for a split, by default the training split.

    Args:
        weights: those of an epoch; where none are given, those that training left.
    """
    split = split if split is not None else trained.setup.data.train
    state = weights if weights is not None else dict(trained.setup.model.state_dict())
    with torch.no_grad():
        found: Tensor = torch.func.functional_call(trained.setup.model, state, (split.inputs,))
    return found


def gradients(
    trained: TrainedRun, weights: Weights | None = None, inputs: Tensor | None = None, targets: Tensor | None = None
) -> dict[str, Tensor]:
    """Return the gradient of the mean loss by parameter, by default over the full training split."""
    train = trained.setup.data.train
    state = dict(trained.setup.model.state_dict()) if weights is None else weights
    leaves = {name: value.detach().clone().requires_grad_() for name, value in state.items()}
    said = torch.func.functional_call(trained.setup.model, leaves, (train.inputs if inputs is None else inputs,))
    loss = trained.setup.objective(said, train.targets if targets is None else targets)
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def accuracy(trained: TrainedRun) -> float:
    """Return the validation accuracy of the trained network, even if its weights are NaN."""
    setup = trained.setup
    found = evaluate(setup.model, setup.objective, setup.data, setup.data.validation)
    assert found is not None, "only a stop request cuts it short"
    return found["accuracy"]


def error_on_test(trained: TrainedRun) -> float:
    """Return the test error of the trained network."""
    setup = trained.setup
    assert setup.data.test is not None, "the preset has a test split"
    found = evaluate(setup.model, setup.objective, setup.data, setup.data.test)
    assert found is not None, "only a stop request cuts it short"
    return 1 - found["accuracy"]
