"""Second-order optimizers for small problems. Each steps with a `Closure`."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite, nan
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import Parameter

from tui_trainer.optim.closure import Closure

ARMIJO = 1e-4
"""Fraction of the linear prediction that a step must achieve (Nocedal and Wright 2006, section 3.1)."""
HALVINGS = 30


class SecondOrderOptimizer(torch.optim.Optimizer):
    """A base class that gets the loss as a `Closure` and updates all parameters as one vector."""

    def __init__(self, parameters: Iterable[Parameter], lr: float, **others: Any) -> None:
        super().__init__(parameters, {"lr": lr, **others})

    def step(self, closure: Any = None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step on the loss that `closure`, a `Closure`, evaluates."""
        return self.descend(cast(Closure, closure), self.param_groups[0])

    def descend(self, closure: Closure, group: dict[str, Any]) -> Tensor:
        """Update the parameters and return the loss before."""
        raise NotImplementedError


class SteepestDescentOptimizer(SecondOrderOptimizer):
    """Steepest descent to the minimum of the quadratic model along the gradient."""

    def descend(self, closure: Closure, group: dict[str, Any]) -> Tensor:
        loss, gradient = closure.gradient()
        down = -gradient.detach()
        closure.move(group["lr"] * lowest(closure, gradient, down) * down)
        return loss


class NewtonOptimizer(SecondOrderOptimizer):
    """Newton's method: step to the minimum of the local quadratic model."""

    def descend(self, closure: Closure, group: dict[str, Any]) -> Tensor:
        loss, gradient = closure.gradient()
        hessian = closure.hessian(gradient)
        closure.move(-group["lr"] * solve(hessian, gradient.detach(), group["damping"]))
        return loss


class BFGSOptimizer(SecondOrderOptimizer):
    """BFGS: Newton's method with an inverse Hessian estimated from gradient changes."""

    def descend(self, closure: Closure, group: dict[str, Any]) -> Tensor:
        state = self.state[group["params"][0]]
        loss, gradient = closure.gradient()
        before = gradient.detach()
        inverse: Tensor | None = state.get("inverse")
        down = -before if inverse is None else -(inverse @ before)
        if not bool(before @ down < 0):
            inverse, down = None, -before  # the old estimate points uphill here: reset it
        move = group["lr"] * lowest(closure, gradient, down) * down
        closure.move(move)
        move = backtrack(closure, loss, before, move)
        _, after = closure.gradient()
        state["inverse"] = learned(inverse, move, after.detach() - before)
        if state["inverse"] is None:
            del state["inverse"]
        return loss


def lowest(closure: Closure, gradient: Tensor, down: Tensor) -> Tensor:
    """Return the step length along `down` to the minimum of a parabola; 1 if it has none."""
    curvature = down @ closure.curvature(gradient, down)
    slope = gradient.detach() @ down
    return torch.where(curvature > 0, -slope / curvature.clamp_min(torch.finfo(slope.dtype).tiny), 1.0)


def backtrack(closure: Closure, loss: Tensor, gradient: Tensor, move: Tensor) -> Tensor:
    """Halve the last step until it lowers the loss enough; on a quadratic the first one does."""
    slope = gradient @ move
    for _ in range(HALVINGS):
        # Rounding: at the bottom no move can lower the loss, and none need.
        slack = torch.finfo(loss.dtype).eps * loss.abs()
        if bool(closure.value() <= loss + ARMIJO * slope + slack):
            break
        move, slope = move / 2, slope / 2
        closure.move(-move)
    return move


def solve(hessian: Tensor, gradient: Tensor, damping: float) -> Tensor:
    """Solve (H + c I)^-1 g, with c the damping, increased if the matrix is not positive definite.

    Nocedal and Wright 2006, algorithm 3.3: c grows until a Cholesky factorisation succeeds. A Hessian of zeros has no
    scale of its own: c is 1. One that is not finite has no solution: the result is NaN.
    """
    hessian = (hessian + hessian.T) / 2
    unit = torch.eye(len(gradient), dtype=gradient.dtype, device=gradient.device)
    size = float(hessian.abs().amax())
    if not isfinite(size):
        return torch.full_like(gradient, nan)
    least = torch.finfo(gradient.dtype).eps * size if size else 1.0
    shift = max(damping, least)
    while True:
        factor, failed = torch.linalg.cholesky_ex(hessian + shift * unit)
        if not int(failed) or not shift < torch.inf:
            return torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        shift = max(2 * shift, 1e-3 * size)


def learned(inverse: Tensor | None, move: Tensor, change: Tensor) -> Tensor | None:
    """Return the updated inverse Hessian, which maps the gradient change to the step (BFGS; same book, equation 6.17).

    The first one is the identity at the scale of the first move (6.20). Where the gradient did not grow along the move,
    which no positive curvature allows, nothing is learned.
    """
    along = change @ move
    if not bool(along > 1e-10 * move.norm() * change.norm()):
        return inverse
    if inverse is None:
        inverse = torch.eye(len(move), dtype=move.dtype, device=move.device) * (along / (change @ change))
    mapped = inverse @ change
    once = torch.outer(mapped, move) / along
    return inverse + (1 + change @ mapped / along) / along * torch.outer(move, move) - once - once.T
