"""Validation: the loss and the metric over a full split, without gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from tui_trainer.data.types import Data, Split
from tui_trainer.engine.evaluation.class_counts import ClassCounts
from tui_trainer.engine.evaluation.metrics import metric_for
from tui_trainer.engine.evaluation.own_metrics import OwnMetrics
from tui_trainer.engine.monitoring.layer_stats import finite
from tui_trainer.engine.train_state import Metrics
from tui_trainer.nn.objectives import Objective


class SplitMeasure(Protocol):
    """Measures a split, as `evaluate` does."""

    def __call__(
        self,
        model: nn.Module,
        objective: Objective,
        data: Data,
        split: Split,
        hurried: Callable[[], bool] = ...,
        *,
        classes: bool = ...,
        own: OwnMetrics | None = ...,
    ) -> dict[str, float] | None:
        """Return mean loss and metrics, None if `hurried` returned True before the end."""
        ...


CHUNK = 1 << 19
"""Most input numbers that go through the model at once: activations of more do not fit into the CPU caches."""


def evaluate(
    model: nn.Module,
    objective: Objective,
    data: Data,
    split: Split,
    hurried: Callable[[], bool] = lambda: False,
    *,
    classes: bool = False,
    own: OwnMetrics | None = None,
) -> dict[str, float] | None:
    """Return mean loss and metrics of a split, in evaluation mode; None if `hurried` returned True before the end.

    With `classes`, the metrics include precision and recall of each class; `own` are those of the user. The chunks are
    the same at every call, so that the same weights give the same bits.
    """
    metric = ClassCounts(objective, data.classes) if classes else metric_for(data, objective)
    size = chunk_size(data, split)
    chunk_losses: list[Tensor] = []
    sizes: list[int] = []
    kept: list[Tensor] = []
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for first in range(0, len(split), size):
                if hurried():
                    return None
                inputs, targets = split.inputs[first : first + size], split.targets[first : first + size]
                outputs = model(inputs)
                chunk_losses.append(objective(outputs, targets))
                sizes.append(len(inputs))
                metric.add(outputs, targets)
                if own:
                    kept.append(outputs)
            losses: list[float] = torch.stack(chunk_losses).tolist()
            loss = math.fsum(value * count for value, count in zip(losses, sizes, strict=True)) / len(split)
            measured = own.measure(torch.cat(kept), split.targets) if own else {}
            return {"loss": loss, **metric.values(), **measured}
    finally:
        model.train(training)


def chunk_size(data: Data, split: Split) -> int:
    """Return how many samples of a split go through the model at once."""
    per_sample = max(split.inputs[0].numel() * (data.shape.targets if data.shape.task == "language" else 1), 1)
    return max(1, min(len(split), CHUNK // per_sample))


def validate(
    model: nn.Module,
    objective: Objective,
    data: Data,
    hurried: Callable[[], bool],
    further: Mapping[str, Split] | None = None,
    *,
    classes: bool = False,
    own: OwnMetrics | None = None,
    measure: SplitMeasure = evaluate,
) -> Metrics | None:
    """Return loss and metrics of the validation split as `val_...`; None if `hurried` returned True before the end.

    Those of further sets are `<set>/...`, those of classes `class/<label>/...` and `<set>/class/<label>/...`.
    """
    values = measure(model, objective, data, data.validation, hurried, classes=classes, own=own)
    if values is None:
        return None
    metrics: Metrics = {name if "/" in name else f"val_{name}": finite(value) for name, value in values.items()}
    for name, split in (further or {}).items():
        values = measure(model, objective, data, split, hurried, classes=classes, own=own)
        if values is None:
            return None
        metrics |= {f"{name}/{metric}": finite(value) for metric, value in values.items()}
    return metrics


def measure_test(
    model: nn.Module,
    objective: Objective,
    data: Data,
    hurried: Callable[[], bool],
    own: OwnMetrics | None = None,
    measure: SplitMeasure = evaluate,
) -> Metrics | None:
    """Return loss and metrics of the test split as `test_...`; None without one, or if `hurried` returned True."""
    values = measure(model, objective, data, data.test, hurried, own=own) if data.test is not None else None
    return {f"test_{name}": finite(value) for name, value in values.items()} if values is not None else None
