"""Optimality of a run with a known minimum: the distance from it, the coordinates, and the gradient evaluations."""

from __future__ import annotations

import torch

from tui_trainer.components.losses import MSE, HalfMSE
from tui_trainer.components.models import Linear
from tui_trainer.config.run_config import RunConfig
from tui_trainer.data.functions import PointModule
from tui_trainer.engine.monitoring.recorder import Recorder
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.errors import UserError
from tui_trainer.optim.optimum import OptimalityGap, optimality_gap

COORDINATES = 8
"""Most dimensions of a point whose coordinates are recorded."""


class OptimalityMonitor:
    """Records the columns `suboptimality`, `coordinate/1`, ... and `evaluations`.

    Args:
        config: how often to measure.
        setup: the model at its first weights, and the data.
        recorder: receives the measurements.

    Raises:
        UserError: the suboptimality is requested and the minimum is not known.
    """

    def __init__(self, config: RunConfig, setup: TrainingSetup, recorder: Recorder) -> None:
        self._every = config.training.suboptimality_every
        self._recorder = recorder
        self._point = (
            setup.model.x if isinstance(setup.model, PointModule) and setup.model.x.numel() <= COORDINATES else None
        )
        self.gap = _gap(config, setup) if self._every else None
        self.extra = 0
        """Gradients evaluated so far in addition to one for each step."""
        self.active = self._every > 0
        """Whether anything is recorded."""

    def evaluated(self, gradients: int) -> None:
        """Count the gradients that a step evaluated."""
        self.extra += gradients - 1
        self.active = self.active or self.extra > 0

    def record(self, step: int) -> None:
        """Record the measurements that are due after `step` steps; does not wait for the device."""
        if self.gap is not None and step % self._every == 0:
            self._recorder.add_scalar(step, "suboptimality", self.gap.read())
            if self._point is not None:
                for axis, coordinate in enumerate(self._point.detach().clone(), start=1):
                    self._recorder.add_scalar(step, f"coordinate/{axis}", coordinate)
        if self.extra:
            self._recorder.add_scalar(step, "evaluations", torch.tensor(float(step + self.extra), dtype=torch.float64))

    def load_extra(self, extra: int) -> None:
        """Continue counting additional evaluations from here."""
        self.extra = extra
        self.active = self._every > 0 or extra > 0


def _gap(config: RunConfig, setup: TrainingSetup) -> OptimalityGap:
    model, loss = config.model, config.loss
    linear = isinstance(model, Linear) and model.head == "identity" and isinstance(loss, (MSE, HalfMSE))
    linear = linear and setup.data.shape.task == "regression"
    bias = isinstance(model, Linear) and model.bias
    gap = optimality_gap(setup.data, setup.model, setup.objective, linear=linear, bias=bias)
    if gap is None:
        raise UserError(
            "training.suboptimality_every measures how far the loss is above its least value, which is not known for "
            f"{model.kind} with {loss.kind}: it is known for data.kind = quadratic, and for model.kind = linear with "
            "loss.kind = half-mse or mse; set it to 0"
        )
    return gap
