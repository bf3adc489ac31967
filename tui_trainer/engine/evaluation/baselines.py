"""Baseline losses: of uniform and of constant predictions."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_trainer.components import losses
from tui_trainer.components.losses import AnyLoss
from tui_trainer.data.types import Data
from tui_trainer.engine.monitoring.layer_stats import finite
from tui_trainer.nn.objectives import Objective

ROWS = 100_000
"""Most training samples, or symbols of a text, over which baselines are computed."""
ROUNDS = 200
"""Iterations towards the best constant of the Huber loss."""


def baseline_losses(loss: AnyLoss, objective: Objective, data: Data) -> tuple[float | None, float | None]:
    """Return (chance, guessing) of the training data: the loss of the uniform output, and that of the best output that
    is the same for every sample. For regression both are that of the best constant.

    None where the loss has no such baseline: margin losses, those of the user, and functions to minimise, which have no
    targets; and where the training data is read while the run trains.
    """
    if data.shape.task == "minimise" or data.source is not None or isinstance(loss, losses.ImportedLoss):
        return None, None
    targets = data.train.targets
    targets = (targets.flatten() if data.shape.task == "language" else targets)[:ROWS]
    with torch.no_grad():
        if data.shape.task == "regression":
            best = _cost(objective, _constant(loss, targets), targets)
            return best, best
        outputs = loss.outputs(data.shape)
        uniform = torch.full((data.shape.targets,), 1 / data.shape.targets, device=targets.device)
        shares = torch.bincount(targets, minlength=data.shape.targets) / len(targets)
        answers = [_answer(loss, each, outputs, targets) for each in (uniform, shares)]
        chance, guessing = (_cost(objective, each, targets) if each is not None else None for each in answers)
        return chance, guessing


def _cost(objective: Objective, output: Tensor, targets: Tensor) -> float | None:
    """Return the mean loss of one output for all targets."""
    return finite(float(objective(output.expand(len(targets), *output.shape), targets)))


def _answer(loss: AnyLoss, shares: Tensor, outputs: int, targets: Tensor) -> Tensor | None:
    """Return the constant output with the least loss if `shares` are the shares of the classes; None if unknown."""
    two = outputs == 1
    tiny = torch.finfo(torch.float32).tiny
    match loss:
        case losses.CrossEntropy():
            smoothed = (1 - loss.label_smoothing) * shares + loss.label_smoothing / len(shares)
            return smoothed.clamp_min(tiny).log()
        case losses.NLL():
            return shares
        case losses.BCE():
            return shares[1:] if two else shares
        case losses.BCEWithLogits():
            return torch.logit(shares[1:] if two else shares, eps=1e-7)
        case losses.MSE():
            return shares
        case losses.L1() | losses.Huber():
            rows = torch.zeros(len(targets), len(shares), device=targets.device).scatter_(1, targets.unsqueeze(1), 1.0)
            return _constant(loss, rows) if shares.max() > 1 / len(shares) else shares
        case _:
            return None


def _constant(loss: AnyLoss, targets: Tensor) -> Tensor:
    """Return the constant with the least loss over all rows of targets: mean, median, or between them for Huber."""
    if isinstance(loss, losses.L1):
        return targets.median(0).values
    best = targets.mean(0)
    if isinstance(loss, losses.Huber):
        for _ in range(ROUNDS):
            best = best + (targets - best).clamp(-loss.delta, loss.delta).mean(0)
    return best
