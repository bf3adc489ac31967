"""Metrics alongside the loss: accuracy of classes and symbols, error and R2 of numbers.

Own implementations and not torchmetrics': their state in the middle of an epoch has to survive a checkpoint to the bit.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tui_trainer.data.types import ProblemSpec
from tui_trainer.nn.objectives import Objective

FOLD = 1 << 18
"""Numbers buffered before they are counted: one pass over many batches costs less than one over each."""


class Accuracy:
    """Share of correct predictions. Outputs are buffered and counted together, exactly."""

    name = "accuracy"

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._buffer: list[tuple[Tensor, Tensor]] = []
        self._size = 0
        self.right = 0
        self.seen = 0

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count a batch, now or later. Keeps references: the tensors must not be written to afterwards."""
        self._buffer.append((outputs.detach(), targets))
        self._size += outputs.numel()
        if self._size > FOLD:
            self.fold()

    def fold(self) -> None:
        """Count the buffered batches: one transfer from the device."""
        if not self._buffer:
            return
        outputs = torch.cat([outputs for outputs, _ in self._buffer])
        targets = torch.cat([targets for _, targets in self._buffer])
        self.right += int((self._objective.predict(outputs) == targets).sum())
        self.seen += targets.numel()
        self._buffer.clear()
        self._size = 0

    def reset(self) -> None:
        """Start over, for the next epoch."""
        self._buffer.clear()
        self._size = self.right = self.seen = 0

    def values(self) -> dict[str, float]:
        """Return the metric so far."""
        self.fold()
        return {"accuracy": self.right / self.seen} if self.seen else {}

    def state_dict(self) -> dict[str, float]:
        """Return the counts of the present epoch."""
        self.fold()
        return {"right": self.right, "seen": self.seen}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Continue from what `state_dict` returned."""
        self.reset()
        self.right, self.seen = int(state["right"]), int(state["seen"])


class Regression:
    """Root mean squared error in the data's own units, and R2 against the mean of the targets.

    Sums are taken batch by batch in float64 and added in order, so that they do not depend on when they are read.
    """

    name = "rmse"

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._buffer: list[Tensor] = []
        self._sums = [0.0, 0.0, 0.0]
        self.seen = 0

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count a batch."""
        with torch.no_grad():
            wide = torch.float64 if outputs.device.type != "mps" else torch.float32
            outputs, targets = outputs.to(wide), targets.to(wide)
            self._buffer.append(
                torch.stack([(outputs - targets).square().sum(), targets.sum(), targets.square().sum()])
            )
        self.seen += targets.numel()

    def values(self) -> dict[str, float]:
        """Return the metrics so far, without R2 if the targets do not vary."""
        self._fold()
        if not self.seen:
            return {}
        squares, total, total_squares = self._sums
        values = {"rmse": math.sqrt(squares / self.seen) * self._scale}
        spread = total_squares - total * total / self.seen
        if spread > 1e-12 * max(total_squares, 1e-300):
            values["r2"] = 1 - squares / spread
        return values

    def reset(self) -> None:
        """Start over, for the next epoch."""
        self._buffer.clear()
        self._sums = [0.0, 0.0, 0.0]
        self.seen = 0

    def _fold(self) -> None:
        if self._buffer:
            for row in torch.stack(self._buffer).tolist():
                self._sums = [total + new for total, new in zip(self._sums, row, strict=True)]
            self._buffer.clear()

    def state_dict(self) -> dict[str, float]:
        """Return the counts of the present epoch."""
        self._fold()
        return {"squares": self._sums[0], "total": self._sums[1], "total_squares": self._sums[2], "seen": self.seen}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Continue from what `state_dict` returned."""
        self.reset()
        self._sums = [state["squares"], state["total"], state["total_squares"]]
        self.seen = int(state["seen"])


class Nothing:
    """No metric: a function to minimise has its value alone."""

    name = ""

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count nothing."""

    def values(self) -> dict[str, float]:
        """Return nothing."""
        return {}

    def state_dict(self) -> dict[str, float]:
        """Return nothing."""
        return {}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Load nothing."""

    def reset(self) -> None:
        """Do nothing."""


Metric = Accuracy | Regression | Nothing


def metric_for(shape: ProblemSpec, objective: Objective, target_scale: float) -> Metric:
    """Return the metric of a task, with nothing counted yet."""
    if shape.task == "minimise":
        return Nothing()
    return Regression(target_scale) if shape.task == "regression" else Accuracy(objective)
