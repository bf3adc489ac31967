"""Metrics alongside the loss: accuracy of classes and symbols, error and R2 of numbers.

Own implementations and not torchmetrics': their state in the middle of an epoch has to survive a checkpoint to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from tui_trainer.data.types import Data
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
    """Root mean squared error in the units of the data, and R2, the mean of each target's own.

    Both equal scikit-learn's `mean_squared_error(...) ** 0.5` and `r2_score`. Sums are taken batch by batch in float64,
    for each target by itself, and added in order, so that they do not depend on when they are read.

    Args:
        scales: what one unit of each target is in the units of the data.
        centers: a number near the mean of each target: the spread is measured from there, and does not drown in
            the square of a mean far from 0.
    """

    name = "rmse"

    def __init__(self, scales: Sequence[float], centers: Sequence[float]) -> None:
        self._scales = tuple(scales)
        self._centers = tuple(centers)
        self._buffer: list[Tensor] = []
        self._sums = [[0.0] * len(self._scales) for _ in range(3)]
        """Squared errors, targets and squared targets, the latter two from the centers: a sum for each target."""
        self.seen = 0
        """Samples so far."""

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count a batch of outputs and targets `[n, t]`."""
        with torch.no_grad():
            wide = torch.float64 if outputs.device.type != "mps" else torch.float32
            outputs, targets = outputs.to(wide), targets.to(wide)
            errors = outputs - targets
            if any(self._centers):
                targets = targets - torch.tensor(self._centers, dtype=wide, device=targets.device)
            columns = (errors.square(), targets, targets.square())
            # One target is summed whole: the sums of earlier versions, to the bit.
            one = len(self._scales) == 1
            self._buffer.append(torch.stack([column.sum() if one else column.sum(0) for column in columns]).view(3, -1))
        self.seen += len(targets)

    def values(self) -> dict[str, float]:
        """Return the metrics so far, without R2 for fewer than two samples."""
        self._fold()
        if not self.seen:
            return {}
        errors = self._sums[0]
        if len(errors) == 1:
            rmse = math.sqrt(errors[0] / self.seen) * self._scales[0]
        else:
            rmse = math.sqrt(
                sum(error / self.seen * scale**2 for error, scale in zip(errors, self._scales, strict=True))
                / len(errors)
            )
        if self.seen < 2:
            return {"rmse": rmse}
        scores = [self._r2(*sums) for sums in zip(*self._sums, strict=True)]
        return {"rmse": rmse, "r2": sum(scores) / len(scores)}

    def _r2(self, error: float, total: float, total_squares: float) -> float:
        """R2 of one target; of one that does not vary 1 where each guess is right, and 0 otherwise."""
        spread = total_squares - total * total / self.seen
        if spread > self.seen * 1e-15 * total_squares:
            return 1 - error / spread
        return 0.0 if error > 0 else 1.0

    def reset(self) -> None:
        """Start over, for the next epoch."""
        self._buffer.clear()
        self._sums = [[0.0] * len(self._scales) for _ in range(3)]
        self.seen = 0

    def _fold(self) -> None:
        if self._buffer:
            for rows in torch.stack(self._buffer).tolist():
                self._sums = [
                    [old + new for old, new in zip(sums, row, strict=True)]
                    for sums, row in zip(self._sums, rows, strict=True)
                ]
            self._buffer.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of the present epoch: numbers for one target, lists for several."""
        self._fold()
        sums = [row[0] if len(row) == 1 else row for row in self._sums]
        return {"squares": sums[0], "total": sums[1], "total_squares": sums[2], "seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.reset()
        sums = [state[name] for name in ("squares", "total", "total_squares")]
        self._sums = [[float(value) for value in row] if isinstance(row, list) else [float(row)] for row in sums]
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


class EpochMetric(Protocol):
    """A metric that counts the batches of an epoch."""

    name: str

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count a batch."""
        ...

    def values(self) -> dict[str, float]:
        """Return the metrics so far."""
        ...

    def reset(self) -> None:
        """Start over, for the next epoch."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return the counts of the present epoch."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        ...


def metric_for(data: Data, objective: Objective) -> EpochMetric:
    """Return the metric of a task, with nothing counted yet."""
    if data.shape.task == "minimise":
        return Nothing()
    if data.shape.task == "regression":
        return Regression(data.target_scales, data.target_centers)
    return Accuracy(objective)
