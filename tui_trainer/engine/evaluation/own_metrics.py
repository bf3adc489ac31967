"""Metrics of the user's own: once over a whole split, and where asked over each training batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from tui_trainer.components.own_metrics import OwnMetric
from tui_trainer.data.types import Data
from tui_trainer.data.user_code import callable_of
from tui_trainer.engine.evaluation.metrics import EpochMetric
from tui_trainer.errors import UserError

TRIED = 1024
"""Most validation samples that the metrics are tried on before the first step."""


class OwnMetrics:
    """The functions of a run's own metrics.

    Args:
        metrics: the metrics by name.
        data: tells the units of numeric targets.

    Raises:
        UserError: there is no such code.
    """

    def __init__(self, metrics: Mapping[str, OwnMetric], data: Data) -> None:
        self._metrics = metrics
        self._functions: dict[str, Callable[..., Any]] = {
            name: callable_of(metric.path, f"metrics.{name}.path", metric.arguments) for name, metric in metrics.items()
        }
        self._scaling = data.scaling if data.shape.task == "regression" else None
        self.trained = tuple(name for name, metric in metrics.items() if metric.train)
        """Names of those that are measured on each training batch."""

    def __bool__(self) -> bool:
        return bool(self._functions)

    def measure(self, outputs: Tensor, targets: Tensor, names: tuple[str, ...] | None = None) -> dict[str, float]:
        """Return the value of each metric for some samples, numbers in the units of the data.

        Raises:
            UserError: a metric fails or returns no number; the key is named.
        """
        if self._scaling is not None:
            outputs, targets = self._in_units(outputs), self._in_units(targets)
        values: dict[str, float] = {}
        for name in names if names is not None else self._functions:
            path = f"metrics.{name}.path = {self._metrics[name].path!r}"
            try:
                with torch.no_grad():
                    value = self._functions[name](outputs, targets)
            except Exception as error:
                raise UserError(
                    f"{path}: with outputs {list(outputs.shape)} and targets {list(targets.shape)}: "
                    f"{type(error).__name__}: {error}"
                ) from error
            try:
                values[name] = float(value)
            except (TypeError, ValueError, RuntimeError):
                raise UserError(f"{path}: returned {type(value).__name__}, and must return one number") from None
        return values

    def _in_units(self, values: Tensor) -> Tensor:
        assert self._scaling is not None
        deviation, mean = (
            torch.as_tensor(each, dtype=values.dtype, device=values.device)
            for each in (self._scaling.target_deviation, self._scaling.target_mean)
        )
        return values * deviation + mean


class WithOwn:
    """The metric of the task, and own metrics of the training batches: means over the samples of an epoch."""

    def __init__(self, metric: EpochMetric, own: OwnMetrics) -> None:
        self._metric = metric
        self._own = own
        self._sums: dict[str, float] = {}
        self._seen = 0
        self.name = metric.name

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count a batch."""
        self._metric.add(outputs, targets)
        for name, value in self._own.measure(outputs.detach(), targets, self._own.trained).items():
            self._sums[name] = self._sums.get(name, 0.0) + value * len(targets)
        self._seen += len(targets)

    def values(self) -> dict[str, float]:
        """Return the metrics so far."""
        own = {name: total / self._seen for name, total in self._sums.items()} if self._seen else {}
        return {**self._metric.values(), **own}

    def reset(self) -> None:
        """Start over, for the next epoch."""
        self._metric.reset()
        self._sums, self._seen = {}, 0

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of the present epoch; one that is not finite is None."""
        sums = {name: total if math.isfinite(total) else None for name, total in self._sums.items()}
        return {**self._metric.state_dict(), "own": {"sums": sums, "seen": self._seen}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._metric.load_state_dict(state)
        own = state.get("own", {"sums": {}, "seen": 0})
        self._sums = {name: math.nan if total is None else float(total) for name, total in own["sums"].items()}
        self._seen = int(own["seen"])
