"""The outputs of a model on the validation split, and how wrong each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_trainer.config.run_config import RunConfig
from tui_trainer.data.types import Split
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.nn.objectives import TwoClasses

PROBABILISTIC = ("cross-entropy", "nll", "bce", "bce-with-logits")
"""Losses whose model gives probabilities, or logits of them."""
LEAST = 1e-12
"""Least probability of which a logarithm is taken."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Answers on samples, on the CPU in float64.

    Attributes:
        predictions: predicted class ids `[n]`, or numbers `[n, t]`; empty for a language model.
        wrong: how wrong each answer is `[n]`; NaN where it is not finite.
        sure: the probability of the predicted class `[n]`; None where the model gives scores.
    """

    predictions: Tensor
    wrong: Tensor
    sure: Tensor | None = None


def measure_of(setup: TrainingSetup, config: RunConfig) -> str:
    """Return the name of the number by which answers are ranked."""
    match setup.data.shape.task:
        case "classification":
            return "-ln p" if gives_probabilities(config) else "margin lost"
        case "regression":
            return "|residual|"
        case _:
            return "nats per character"


def gives_probabilities(config: RunConfig) -> bool:
    """Return whether the outputs are probabilities, or logits of them."""
    return config.loss.kind in PROBABILISTIC or config.model.head != "identity"


def outputs_of(setup: TrainingSetup, config: RunConfig, split: Split) -> Outputs:
    """Return the answers on a split. The caller has put the model into evaluation mode."""
    parts = [_part(setup, config, part) for part in model_inspection.chunks(setup, split)]
    sure = [part.sure for part in parts if part.sure is not None]
    return Outputs(
        torch.cat([part.predictions for part in parts]),
        torch.cat([part.wrong for part in parts]),
        torch.cat(sure) if len(sure) == len(parts) else None,
    )


def _part(setup: TrainingSetup, config: RunConfig, part: Split) -> Outputs:
    outputs = setup.model(part.inputs)
    match setup.data.shape.task:
        case "classification":
            return _classes(setup, config, outputs, part.targets)
        case "regression":
            found, true = (tensor.detach().to("cpu", torch.float64) for tensor in (outputs, part.targets))
            units = torch.tensor(setup.data.target_scales, dtype=torch.float64)
            return Outputs(found, ((found - true) * units).square().mean(-1).sqrt())
        case _:
            return Outputs(torch.empty(len(part)), _nats(config, outputs, part.targets).cpu())


def _classes(setup: TrainingSetup, config: RunConfig, outputs: Tensor, targets: Tensor) -> Outputs:
    predictions = setup.objective.predict(outputs).cpu()
    scores = outputs.detach().to("cpu", torch.float64)
    targets = targets.cpu()
    if gives_probabilities(config):
        shares = shares_of(config, scores)
        own = shares.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        sure = shares.gather(-1, predictions.unsqueeze(-1)).squeeze(-1)
        return Outputs(predictions, -own.clamp_min(LEAST).log(), sure)
    if scores.shape[-1] == 1:
        scores = scores - (setup.objective.threshold if isinstance(setup.objective, TwoClasses) else 0.0)
        scores = torch.cat([-scores, scores], -1)
    own = scores.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    best_other = scores.scatter(-1, targets.unsqueeze(-1), -torch.inf).amax(-1)
    return Outputs(predictions, best_other - own)


def shares_of(config: RunConfig, outputs: Tensor) -> Tensor:
    """Return the probability of each class from the outputs of a model, which its head may have made already."""
    if config.model.head == "identity":
        return model_inspection.probabilities(outputs, config.loss.kind, "identity")
    return torch.cat([1 - outputs, outputs], -1) if outputs.shape[-1] == 1 else outputs


def _nats(config: RunConfig, outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of -ln p over the positions of each window."""
    own = log_shares(config, outputs).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -own.mean(-1)


def log_shares(config: RunConfig, outputs: Tensor) -> Tensor:
    """Return the logarithms of the probabilities of the symbols, in float64."""
    wide = outputs.detach().double()
    if config.model.head == "identity":
        return torch.log_softmax(wide, -1)
    return wide.clamp_min(LEAST).log()
