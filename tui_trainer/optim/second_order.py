"""Optimizers that look at the curvature of the loss, for problems small enough. Each steps with a `Closure`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import Parameter

from tui_trainer.optim.closure import Closure

ARMIJO = 1e-4
"""Share of the decrease that the slope promises, which a step must keep (Nocedal and Wright 2006, section 3.1)."""
HALVINGS = 30


class SecondOrderOptimizer(torch.optim.Optimizer):
    """A step that is given the loss as a `Closure`, and moves all parameters as one vector."""

    def __init__(self, parameters: Iterable[Parameter], lr: float, **others: Any) -> None:
        super().__init__(parameters, {"lr": lr, **others})

    def step(self, closure: Any = None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step on the loss that `closure`, a `Closure`, evaluates."""
        return self.descend(cast(Closure, closure), self.param_groups[0])

    def descend(self, closure: Closure, group: dict[str, Any]) -> Tensor:
        """Move, and return the loss before."""
        raise NotImplementedError


class SteepestDescentOptimizer(SecondOrderOptimizer):
    """Down the gradient to the lowest point of the parabola that the loss is along it."""

    def descend(self, closure: Closure, group: dict[str, Any]) -> Tensor:
        loss, gradient = closure.gradient()
        down = -gradient.detach()
        closure.move(group["lr"] * lowest(closure, gradient, down) * down)
        return loss


class NewtonOptimizer(SecondOrderOptimizer):
    """To the lowest point of the quadratic that the loss is like here."""

    def descend(self, closure: Closure, group: dict[str, Any]) -> Tensor:
        loss, gradient = closure.gradient()
        hessian = closure.hessian(gradient)
        closure.move(-group["lr"] * solve(hessian, gradient.detach(), group["damping"]))
        return loss


class BFGSOptimizer(SecondOrderOptimizer):
    """As Newton, with an inverse Hessian that is learned from how the gradient changes."""

    def descend(self, closure: Closure, group: dict[str, Any]) -> Tensor:
        state = self.state[group["params"][0]]
        loss, gradient = closure.gradient()
        before = gradient.detach()
        inverse: Tensor | None = state.get("inverse")
        down = -before if inverse is None else -(inverse @ before)
        if not bool(before @ down < 0):
            inverse, down = None, -before  # what was learned elsewhere points uphill here: begin anew
        move = group["lr"] * lowest(closure, gradient, down) * down
        closure.move(move)
        move = backtrack(closure, loss, before, move)
        _, after = closure.gradient()
        state["inverse"] = learned(inverse, move, after.detach() - before)
        if state["inverse"] is None:
            del state["inverse"]
        return loss


def lowest(closure: Closure, gradient: Tensor, down: Tensor) -> Tensor:
    """How far along `down` a parabola with this slope and curvature has its lowest point; 1 where it has none."""
    curvature = down @ closure.curvature(gradient, down)
    slope = gradient.detach() @ down
    return torch.where(curvature > 0, -slope / curvature.clamp_min(torch.finfo(slope.dtype).tiny), 1.0)


def backtrack(closure: Closure, loss: Tensor, gradient: Tensor, move: Tensor) -> Tensor:
    """Halve a move that was just made until it lowers the loss enough; on a quadratic the first does."""
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
    """(H + c I)^-1 g with c the damping, and more where that is not positive definite.

    Nocedal and Wright 2006, algorithm 3.3: c grows until a Cholesky factorisation succeeds.
    """
    hessian = (hessian + hessian.T) / 2
    unit = torch.eye(len(gradient), dtype=gradient.dtype, device=gradient.device)
    size = float(hessian.abs().amax())
    least = torch.finfo(gradient.dtype).eps * size
    shift = max(damping, least)
    while True:
        factor, failed = torch.linalg.cholesky_ex(hessian + shift * unit)
        if not int(failed) or not shift < torch.inf:
            return torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        shift = max(2 * shift, 1e-3 * size)


def learned(inverse: Tensor | None, move: Tensor, change: Tensor) -> Tensor | None:
    """The inverse Hessian that also maps the change of the gradient to the move (BFGS; same book, equation 6.17).

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
