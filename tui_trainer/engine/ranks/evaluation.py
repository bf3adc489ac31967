"""Validation in several processes: each measures its part of a split, and all know the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tui_trainer.data.types import Data, Split
from tui_trainer.engine.evaluation.evaluate import SplitMeasure, chunk_size, evaluate
from tui_trainer.engine.evaluation.metrics import metric_for
from tui_trainer.engine.evaluation.own_metrics import OwnMetrics
from tui_trainer.engine.ranks.channel import Channel
from tui_trainer.engine.ranks.metric import added
from tui_trainer.engine.ranks.sharding import is_sharded
from tui_trainer.engine.ranks.share import bounds
from tui_trainer.nn.objectives import Objective


def shared_evaluation(channel: Channel) -> SplitMeasure:
    """Return `evaluate` for every rank."""
    return partial(_evaluate, channel)


def _evaluate(
    channel: Channel,
    model: nn.Module,
    objective: Objective,
    data: Data,
    split: Split,
    hurried: Callable[[], bool] = lambda: False,
    *,
    classes: bool = False,
    own: OwnMetrics | None = None,
) -> dict[str, float] | None:
    """Return mean loss and metrics of a split; `hurried` is called as often on every rank.

    Metrics of classes and those of the user are measured by every rank on the whole split.
    """
    _take_buffers(model)
    sharded = is_sharded(model)
    if classes or own:
        return evaluate(model, objective, data, split, hurried, classes=classes, own=own)
    size = chunk_size(data, split)
    first, last = bounds(len(split), channel.rank, channel.size)
    largest = max(math.ceil(len(split) / channel.size), 1)
    size = min(size, largest)
    rounds = math.ceil(largest / size)
    metric = metric_for(data, objective)
    losses: list[Tensor] = []
    sizes: list[int] = []
    training = model.training
    model.eval()
    try:
        # A sharded model keeps room for its weights between passes, which may not be that of an inference.
        with torch.no_grad() if sharded else torch.inference_mode():
            for at in range(first, first + rounds * size, size):
                if hurried():
                    return None
                inputs, targets = split.inputs[at : min(at + size, last)], split.targets[at : min(at + size, last)]
                if len(inputs):
                    outputs = model(inputs)
                    losses.append(objective(outputs, targets))
                    sizes.append(len(inputs))
                    metric.add(outputs, targets)
                elif sharded:  # every rank takes part in the passes of the others
                    model(split.inputs[:1])
            own_losses: list[float] = torch.stack(losses).tolist() if losses else []
            parts = channel.exchange([own_losses, sizes, metric.state_dict()])
    finally:
        model.train(training)
    total = metric_for(data, objective)
    total.load_state_dict(added([part[2] for part in parts]))
    weighted = [value * count for part in parts for value, count in zip(part[0], part[1], strict=True)]
    return {"loss": _sum(weighted) / len(split), **total.values()}


def _sum(values: list[float]) -> float:
    return math.fsum(values) if all(map(math.isfinite, values)) else sum(values)


def _take_buffers(model: nn.Module) -> None:
    """Take over the running means of rank 0, as DDP does before each training step."""
    buffers: list[Any] = list(model.buffers())
    if buffers and dist.is_available() and dist.is_initialized():
        for buffer in buffers:
            dist.broadcast(buffer, 0)
