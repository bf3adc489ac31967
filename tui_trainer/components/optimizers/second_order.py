"""Optimizers that evaluate the loss several times in a step: for the full batch, most of them for small problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from tui_trainer.components.base import Count, NonNegative, Positive
from tui_trainer.components.optimizers.base import Named, Optimizer
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    import torch

MOST_CURVED = 2000
"""The most parameters of an optimizer that holds a matrix over them."""


class LBFGS(Optimizer):
    """Newton's direction from the last few changes of the gradient (torch `LBFGS`; Liu and Nocedal 1989).

    One step is up to `max_iter` iterations on the same batch, each with a gradient of its own. Made for the full batch.
    """

    torch_name = "LBFGS"
    needs_closure = True
    kind: Literal["lbfgs"] = "lbfgs"
    lr: Positive = 1.0
    """Share of Newton's step that is taken."""
    max_iter: Count = 20
    """Iterations in one step."""
    max_eval: Count | None = None
    """Gradients in one step, at most; 5/4 of the iterations where none are given."""
    tolerance_grad: NonNegative = 1e-7
    """The step ends where no component of the gradient is larger."""
    tolerance_change: NonNegative = 1e-9
    """The step ends where the loss or the parameters change by less."""
    history_size: Count = 100
    """Changes of the gradient that are remembered."""
    line_search_fn: Literal["strong_wolfe"] | None = None
    """How the length of an iteration is found; where none is given it is lr."""


class _Curved(Optimizer):
    """An optimizer that holds a matrix with a row for each parameter, or looks at the curvature along its way."""

    needs_closure = True
    lr: Positive = 1.0
    """Share of the step to the lowest point that is taken."""

    def build(self, parameters: Named) -> torch.optim.Optimizer:
        self._check_sparse(parameters)
        self._check_size(sum(parameter.numel() for _, parameter in parameters))
        from tui_trainer.optim import second_order

        made = getattr(second_order, f"{type(self).__name__}Optimizer")
        return made(
            [parameter for _, parameter in parameters], **{name: value for name, value in self if name != "kind"}
        )

    def _check_size(self, count: int) -> None:
        """Raise `UserError` where a matrix of `count` rows would be too much."""
        if count > MOST_CURVED:
            raise UserError(
                f"optimizer {self.kind} holds a matrix with a row and a column for each parameter: {count:,} of them "
                f"make {count**2:,} numbers, and it grows with the square while {self.cost}. At most {MOST_CURVED:,} "
                "parameters: choose lbfgs, which remembers a few vectors, or adam"
            )

    cost: ClassVar[str] = ""
    """What else grows with the number of parameters, for the refusal."""


class SteepestDescent(_Curved):
    """Gradient descent with exact line search: to the lowest point along the gradient (Cauchy 1847).

    Exact on quadratics, where each gradient is orthogonal to the last; on other losses it goes to the lowest point of
    the parabola with the same slope and curvature, and as far as the gradient is long where there is none. It takes one
    gradient and one product with the Hessian, about the cost of another.
    """

    kind: Literal["steepest-descent"] = "steepest-descent"

    def _check_size(self, count: int) -> None:
        """It holds no matrix, and any number of parameters will do."""


class Newton(_Curved):
    """To the lowest point of the quadratic that the loss is like: x <- x - (H + damping I)^-1 g.

    The whole Hessian is evaluated in every step, a gradient for each parameter. Where it is not positive definite a
    multiple of the identity is added (Nocedal and Wright 2006, algorithm 3.3).
    """

    cost = "the time to solve for its step grows with the cube"
    kind: Literal["newton"] = "newton"
    damping: NonNegative = 0.0
    """Added to the diagonal of the Hessian: the larger, the more the step is one of gradient descent."""


class BFGS(_Curved):
    """Newton's step with an inverse Hessian learned from how the gradient changes (Broyden et al. 1970).

    The step goes to the lowest point along its direction, exactly on quadratics, and is halved elsewhere until the loss
    has fallen enough. It takes two gradients and one product with the Hessian.
    """

    cost = "the time of a step does too"
    kind: Literal["bfgs"] = "bfgs"
