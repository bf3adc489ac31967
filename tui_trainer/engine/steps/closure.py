"""A step with an optimizer that evaluates the loss several times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.engine.steps.base import OnGradients, StepFunction, StepResult
from tui_trainer.errors import UserError
from tui_trainer.nn.objectives import Objective
from tui_trainer.optim.closure import Closure


def check_closure_settings(description: AnyOptimizer, clip: float, precision: str, accumulate: int = 1) -> None:
    """Check that the settings of a run leave the gradients exact where an optimizer compares several of them.

    Raises:
        UserError: clipping or a short precision would falsify its steps, or a batch is passed in parts.
    """
    if not description.needs_closure:
        return
    if accumulate > 1:
        raise UserError(
            f"optimizer {description.kind} evaluates the loss several times in a step, and training.accumulate passes "
            "a batch in parts: set training.accumulate=1, or another optimizer"
        )
    if clip:
        raise UserError(
            f"optimizer {description.kind} compares gradients within a step, and clipped ones no longer say how the "
            "loss curves: set training.clip_grad_norm=0"
        )
    if precision not in ("float32", "float64"):
        raise UserError(
            f"optimizer {description.kind} compares losses that differ little, which {precision} rounds away: set "
            "training.precision=float64, or float32"
        )


class ClosureStep(StepFunction):
    """One call of the optimizer's `step` with a `Closure` of the batch.

    Args:
        forward: the model, in a form that can be differentiated twice.
        objective: the loss.
        parameters: the trained parameters.
        optimizer: the optimizer that steps.
    """

    one_gradient = False

    def __init__(
        self,
        forward: Callable[[Tensor], Tensor],
        objective: Objective,
        parameters: Sequence[nn.Parameter],
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self._forward = forward
        self._objective = objective
        self._parameters = parameters
        self._optimizer = optimizer

    def __call__(self, inputs: Tensor, targets: Tensor, on_gradients: OnGradients) -> StepResult:
        def forward() -> tuple[Tensor, Tensor]:
            outputs = self._forward(inputs)
            return outputs, self._objective(outputs, targets)

        def begun() -> None:
            on_gradients(closure.loss)  # a skip is refused for optimizers that need a closure

        closure = Closure(forward, self._parameters, begun)
        self._optimizer.step(cast(Any, closure))  # torch's annotation says float; its own closures return tensors
        return StepResult(closure.loss, closure.outputs, closure.evaluations)
