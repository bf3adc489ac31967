"""A step along one gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.engine.steps.base import ForwardBackward, OnGradients, StepFunction, StepResult
from tui_trainer.nn.objectives import Objective


class AutogradPasses:
    """Forward and backward pass through autograd.

    Args:
        forward: the model as it is called in a training step.
        objective: the loss.
        parameters: the trained parameters; their gradients are cleared before each pass.
        autocast: mixed precision around the forward pass.
        scaler: scales the loss of a float16 run.
        reuses_outputs: whether `forward` returns the same tensor each time and overwrites it.
    """

    def __init__(
        self,
        forward: Callable[[Tensor], Tensor],
        objective: Objective,
        parameters: Sequence[nn.Parameter],
        autocast: AbstractContextManager[Any],
        scaler: torch.amp.GradScaler | None,
        *,
        reuses_outputs: bool = False,
    ) -> None:
        self._forward = forward
        self._objective = objective
        self._parameters = parameters
        self._autocast = autocast
        self._scaler = scaler
        self._reuses_outputs = reuses_outputs

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return (mean loss, outputs) of a batch; every `grad` holds its gradient, scaled in a float16 run."""
        for parameter in self._parameters:
            parameter.grad = None
        with self._autocast:
            outputs = self._forward(inputs)
            loss = self._objective(outputs, targets)
        if self._scaler is not None:
            self._scaler.scale(loss).backward()
        else:
            loss.backward()
        # The metric keeps outputs of several batches before it counts them.
        return loss, outputs.detach().clone() if self._reuses_outputs else outputs


class AutogradStep(StepFunction):
    """Forward, backward, one update.

    Args:
        forward_backward: autograd, or the fast path with the same bits.
        optimizer: the optimizer that steps.
        update: takes its step: `optimizer.step`, or the fast path with the same bits.
        scaler: scales the loss of a float16 run.
    """

    one_gradient = True

    def __init__(
        self,
        forward_backward: ForwardBackward,
        optimizer: torch.optim.Optimizer,
        update: Callable[[], object],
        scaler: torch.amp.GradScaler | None,
    ) -> None:
        self._forward_backward = forward_backward
        self._optimizer = optimizer
        self._update = update
        self._scaler = scaler

    def __call__(self, inputs: Tensor, targets: Tensor, on_gradients: OnGradients) -> StepResult:
        loss, outputs = self._forward_backward(inputs, targets)
        if self._scaler is None:
            if not on_gradients(loss):
                self._update()
        else:
            self._scaler.unscale_(self._optimizer)
            if not on_gradients(loss):
                self._scaler.step(self._optimizer)
            self._scaler.update()
        return StepResult(loss.detach(), outputs)
