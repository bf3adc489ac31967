"""What is measured beside the loss: accuracy of classes and symbols, error and R2 of numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tui_trainer.data.types import ProblemSpec
from tui_trainer.nn.objectives import Objective

FOLD = 1 << 18
"""Numbers kept back before they are counted: one pass over many batches costs less than one over each."""


class Accuracy:
    """Share of right predictions. Outputs are kept and counted together, exactly."""

    name = "accuracy"

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._size = 0
        self.right = 0
        self.seen = 0

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count a batch, now or later. Keeps references: the tensors must not be written to afterwards."""
        self._kept.append((outputs.detach(), targets))
        self._size += outputs.numel()
        if self._size > FOLD:
            self.fold()

    def fold(self) -> None:
        """Count what was kept back: one transfer from the device."""
        if not self._kept:
            return
        outputs = torch.cat([outputs for outputs, _ in self._kept])
        targets = torch.cat([targets for _, targets in self._kept])
        self.right += int((self._objective.predict(outputs) == targets).sum())
        self.seen += targets.numel()
        self._kept.clear()
        self._size = 0

    def values(self) -> dict[str, float]:
        """The metric so far."""
        self.fold()
        return {"accuracy": self.right / self.seen} if self.seen else {}

    def dump(self) -> dict[str, float]:
        """What a checkpoint keeps in the middle of an epoch."""
        self.fold()
        return {"right": self.right, "seen": self.seen}

    def load(self, state: dict[str, float]) -> None:
        """Put back what `dump` gave."""
        self.right, self.seen = int(state["right"]), int(state["seen"])


class Regression:
    """Root mean squared error in the data's own units, and R2 against the mean of the targets.

    Sums are taken batch by batch in float64 and added in order, so that they do not depend on when they are read.
    """

    name = "rmse"

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._kept: list[Tensor] = []
        self._sums = [0.0, 0.0, 0.0]
        self.seen = 0

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count a batch."""
        with torch.no_grad():
            wide = torch.float64 if outputs.device.type != "mps" else torch.float32
            outputs, targets = outputs.to(wide), targets.to(wide)
            self._kept.append(torch.stack([(outputs - targets).square().sum(), targets.sum(), targets.square().sum()]))
        self.seen += targets.numel()

    def values(self) -> dict[str, float]:
        """The metrics so far; R2 is left out where the targets do not vary."""
        self._fold()
        if not self.seen:
            return {}
        squares, total, total_squares = self._sums
        found = {"rmse": math.sqrt(squares / self.seen) * self._scale}
        spread = total_squares - total * total / self.seen
        if spread > 1e-12 * max(total_squares, 1e-300):
            found["r2"] = 1 - squares / spread
        return found

    def _fold(self) -> None:
        if self._kept:
            for row in torch.stack(self._kept).tolist():
                self._sums = [kept + new for kept, new in zip(self._sums, row, strict=True)]
            self._kept.clear()

    def dump(self) -> dict[str, float]:
        """What a checkpoint keeps in the middle of an epoch."""
        self._fold()
        return {"squares": self._sums[0], "total": self._sums[1], "total_squares": self._sums[2], "seen": self.seen}

    def load(self, state: dict[str, float]) -> None:
        """Put back what `dump` gave."""
        self._sums = [state["squares"], state["total"], state["total_squares"]]
        self.seen = int(state["seen"])


class Nothing:
    """Of a function to minimise nothing is measured beside its value."""

    name = ""

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count nothing."""

    def values(self) -> dict[str, float]:
        """No metric."""
        return {}

    def dump(self) -> dict[str, float]:
        """Nothing to keep."""
        return {}

    def load(self, state: dict[str, float]) -> None:
        """Nothing to put back."""


Metric = Accuracy | Regression | Nothing


def metric_for(shape: ProblemSpec, objective: Objective, target_scale: float) -> Metric:
    """The metric of a task, empty."""
    if shape.task == "minimise":
        return Nothing()
    return Regression(target_scale) if shape.task == "regression" else Accuracy(objective)
