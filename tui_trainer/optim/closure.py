"""The loss of one batch as a closure that an optimizer can evaluate several times per step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter


class Closure:
    """The loss at the current parameters, with its gradient and curvature.

    Called, it is what torch's optimizers take for a closure: the loss, its gradient in each parameter's `grad`.

    Args:
        forward: the outputs and the loss of the batch.
        parameters: what the loss is derived by; vectors below hold all of them, one after the other.
        begun: called once, after the first gradient and before anything moves.
    """

    def __init__(
        self, forward: Callable[[], tuple[Tensor, Tensor]], parameters: Sequence[Parameter], begun: Callable[[], None]
    ) -> None:
        self._forward = forward
        self._parameters = parameters
        self._begun = begun
        self.evaluations = 0
        """Gradients evaluated so far; a Hessian-vector product counts as one."""
        self.outputs: Tensor
        """The model's outputs at the first evaluation."""
        self.loss: Tensor
        """The loss at the first evaluation."""

    def __call__(self) -> Tensor:
        """Return the loss and store its gradient in each parameter's `grad`."""
        with torch.enable_grad():
            for parameter in self._parameters:
                parameter.grad = None
            outputs, loss = self._forward()
            loss.backward()
        self._evaluated(outputs, loss)
        return loss.detach()

    def gradient(self) -> tuple[Tensor, Tensor]:
        """Return the loss and its gradient as a differentiable vector; each `grad` gets a copy."""
        with torch.enable_grad():
            outputs, loss = self._forward()
            found = torch.autograd.grad(loss, self._parameters, create_graph=True, materialize_grads=True)
        for parameter, gradient in zip(self._parameters, found, strict=True):
            parameter.grad = gradient.detach().clone()
        self._evaluated(outputs, loss)
        return loss.detach(), torch.cat([gradient.reshape(-1) for gradient in found])

    def curvature(self, gradient: Tensor, direction: Tensor) -> Tensor:
        """Return the Hessian-vector product, from a differentiable gradient."""
        self.evaluations += 1
        if gradient.grad_fn is None:
            return torch.zeros_like(direction)  # of a loss that is flat or straight
        found = torch.autograd.grad(gradient @ direction, self._parameters, retain_graph=True, materialize_grads=True)
        return torch.cat([part.reshape(-1) for part in found])

    def hessian(self, gradient: Tensor) -> Tensor:
        """Return the full Hessian, with one product per row."""
        units = torch.eye(len(gradient), dtype=gradient.dtype, device=gradient.device)
        return torch.stack([self.curvature(gradient, unit) for unit in units])

    @torch.no_grad()
    def value(self) -> Tensor:
        """Return only the loss."""
        return self._forward()[1]

    @torch.no_grad()
    def move(self, step: Tensor) -> None:
        """Add a vector to the parameters."""
        parts = step.split([parameter.numel() for parameter in self._parameters])
        for parameter, part in zip(self._parameters, parts, strict=True):
            parameter += part.view_as(parameter)

    def _evaluated(self, outputs: Tensor, loss: Tensor) -> None:
        self.evaluations += 1
        if self.evaluations == 1:
            self.outputs, self.loss = outputs.detach(), loss.detach()
            self._begun()
