"""Second-order optimizers, which evaluate the loss several times per step: for full batches and small problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from tui_trainer.components.base import Count, NonNegative, Positive
from tui_trainer.components.optimizers.base import Named, Optimizer
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    import torch

MOST_CURVED = 2000
"""Largest number of parameters for an optimizer that stores a matrix over them."""


class LBFGS(Optimizer):
    """Quasi-Newton method with limited memory (torch `LBFGS`; Liu and Nocedal 1989).

    One step is up to `max_iter` iterations on the same batch, each with a gradient of its own. Made for the full batch.
    """

    torch_name = "LBFGS"
    needs_closure = True
    kind: Literal["lbfgs"] = "lbfgs"
    lr: Positive = 1.0
    """Factor on the Newton step."""
    max_iter: Count = 20
    """Largest number of iterations per step."""
    max_eval: Count | None = None
    """Largest number of gradients per step; 5/4 of `max_iter` if not given."""
    tolerance_grad: NonNegative = 1e-7
    """Stop the step when no gradient component is larger."""
    tolerance_change: NonNegative = 1e-9
    """Stop the step when the loss or the parameters change by less."""
    history_size: Count = 100
    """Number of past gradient changes to store."""
    line_search_fn: Literal["strong_wolfe"] | None = None
    """Line search of each iteration; if none, the step length is lr."""


class _Curved(Optimizer):
    """An optimizer that holds a matrix with a row for each parameter, or looks at the curvature along its way."""

    needs_closure = True
    lr: Positive = 1.0
    """Factor on the step to the minimum."""

    def build(self, parameters: Named) -> torch.optim.Optimizer:
        self._check_sparse(parameters)
        self._check_size(sum(parameter.numel() for _, parameter in parameters))
        from tui_trainer.optim import second_order

        made = getattr(second_order, f"{type(self).__name__}Optimizer")
        return made([parameter for _, parameter in parameters], **self.settings())

    def _check_size(self, count: int) -> None:
        """Raise `UserError` if a matrix of `count` rows would be too large."""
        if count > MOST_CURVED:
            raise UserError(
                f"optimizer {self.kind} holds a matrix with a row and a column for each parameter: {count:,} of them "
                f"make {count**2:,} numbers, and it grows with the square while {self.cost}. At most {MOST_CURVED:,} "
                "parameters: choose lbfgs, which remembers a few vectors, or adam"
            )

    cost: ClassVar[str] = ""
    """The cost that grows with the number of parameters, for the refusal."""


class SteepestDescent(_Curved):
    """Gradient descent with exact line search (Cauchy 1847).

    Exact on quadratics, where each gradient is orthogonal to the last; on other losses it goes to the lowest point of
    the parabola with the same slope and curvature, and as far as the gradient is long where there is none. It takes one
    gradient and one product with the Hessian, about the cost of another.
    """

    kind: Literal["steepest-descent"] = "steepest-descent"

    def _check_size(self, count: int) -> None:
        """Accept any number of parameters, since no matrix is stored."""


class Newton(_Curved):
    """Newton's method: x <- x - (H + damping I)^-1 g.

    The whole Hessian is evaluated in every step, a gradient for each parameter. Where it is not positive definite a
    multiple of the identity is added (Nocedal and Wright 2006, algorithm 3.3).
    """

    cost = "the time to solve for its step grows with the cube"
    kind: Literal["newton"] = "newton"
    damping: NonNegative = 0.0
    """Added to the diagonal of the Hessian; larger values make the step more like gradient descent."""


class BFGS(_Curved):
    """BFGS: a Newton step with an inverse Hessian estimated from gradient changes (Broyden et al. 1970).

    The step goes to the lowest point along its direction, exactly on quadratics, and is halved elsewhere until the loss
    has fallen enough. It takes two gradients and one product with the Hessian.
    """

    cost = "the time of a step does too"
    kind: Literal["bfgs"] = "bfgs"
