"""How a descent goes, step by step: how far it still is from the lowest point, where it is, and at what cost."""

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
"""The most dimensions of a point whose every coordinate is recorded."""


class OptimalityMonitor:
    """Records the columns `suboptimality`, `coordinate/1`, ... and `evaluations` beside those of every run.

    Args:
        config: how often, and of what.
        shop: the run, its model as it begins.
        recorder: takes what is measured.

    Raises:
        UserError: the suboptimality was asked for, and nobody knows the lowest point.
    """

    def __init__(self, config: RunConfig, shop: TrainingSetup, recorder: Recorder) -> None:
        self._every = config.training.suboptimality_every
        self._recorder = recorder
        self._point = (
            shop.model.x if isinstance(shop.model, PointModule) and shop.model.x.numel() <= COORDINATES else None
        )
        self.gap = _gap(config, shop) if self._every else None
        self.extra = 0
        """Gradients evaluated so far beyond one for each step."""
        self.active = self._every > 0
        """Whether there is anything to record."""

    def evaluated(self, gradients: int) -> None:
        """The step under way evaluated so many gradients."""
        self.extra += gradients - 1
        self.active = self.active or self.extra > 0

    def record(self, step: int) -> None:
        """Record what is known after `step` steps; nothing waits for the device."""
        if self.gap is not None and step % self._every == 0:
            self._recorder.add_beside(step, "suboptimality", self.gap.read())
            if self._point is not None:
                for axis, coordinate in enumerate(self._point.detach().clone(), start=1):
                    self._recorder.add_beside(step, f"coordinate/{axis}", coordinate)
        if self.extra:
            self._recorder.add_beside(step, "evaluations", torch.tensor(float(step + self.extra), dtype=torch.float64))

    def restore(self, extra: int) -> None:
        """Go on counting from here."""
        self.extra = extra
        self.active = self._every > 0 or extra > 0


def _gap(config: RunConfig, shop: TrainingSetup) -> OptimalityGap:
    model, loss = config.model, config.loss
    linear = isinstance(model, Linear) and model.head == "identity" and isinstance(loss, (MSE, HalfMSE))
    linear = linear and shop.data.shape.task == "regression"
    bias = isinstance(model, Linear) and model.bias
    found = optimality_gap(shop.data, shop.model, shop.objective, linear=linear, bias=bias)
    if found is None:
        raise UserError(
            "training.suboptimality_every asks how far the loss is above its least value, and nobody knows that value "
            f"of {model.kind} with {loss.kind}: it is known of data.kind = quadratic, and of model.kind = linear with "
            "loss.kind = half-mse or mse; set it to 0"
        )
    return found
