"""Validation: the loss and the metric over a whole split, without a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tui_trainer.data.types import Data, Split
from tui_trainer.engine.evaluation.metrics import metric_for
from tui_trainer.nn.objectives import Objective

CHUNK = 1 << 19
"""Numbers of input that go through the model at once, at most: what layers make of more does not fit into caches."""


def evaluate(
    model: nn.Module, objective: Objective, data: Data, split: Split, hurried: Callable[[], bool] = lambda: False
) -> dict[str, float] | None:
    """Mean loss and metrics of a split, in evaluation mode; None where `hurried` became true on the way.

    The chunks are the same at every call, so that the same weights give the same bits.
    """
    metric = metric_for(data, objective)
    per_sample = max(split.inputs[0].numel() * (data.shape.targets if data.shape.task == "language" else 1), 1)
    size = max(1, min(len(split), CHUNK // per_sample))
    total: list[Tensor] = []
    sizes: list[int] = []
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for first in range(0, len(split), size):
                if hurried():
                    return None
                inputs, targets = split.inputs[first : first + size], split.targets[first : first + size]
                outputs = model(inputs)
                total.append(objective(outputs, targets))
                sizes.append(len(inputs))
                metric.add(outputs, targets)
            losses: list[float] = torch.stack(total).tolist()
            loss = math.fsum(value * count for value, count in zip(losses, sizes, strict=True)) / len(split)
            return {"loss": loss, **metric.values()}
    finally:
        model.train(training)
