"""The gap to the minimum of the training objective, where the minimum is known."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tui_trainer.data.functions import constants
from tui_trainer.data.types import Data
from tui_trainer.nn.objectives import Objective


def rates(inputs: Tensor, size: int) -> dict[str, float]:
    """Return the curvatures of |y - X w|^2 / (2m) for X `[m, d]`, and the learning rates of GD and SGD.

    The rate of SGD with batches of `size` is 1/(L + 2 tr(H)/size): its noise adds to the curvature that a step feels.
    """
    wide = inputs.double()
    hessian = wide.T @ wide / len(wide)
    curvatures = torch.linalg.eigvalsh(hessian)
    largest, trace = float(curvatures[-1]), float(hessian.trace())
    smallest = max(float(curvatures[0]), largest * torch.finfo(torch.float64).eps)
    return constants(smallest, largest) | {
        "trace": trace,
        "condition number": largest / smallest,
        "lr of sgd": 1 / (largest + 2 * trace / size),
    }


def best_answers(data: Data, bias: bool) -> Tensor:
    """Return the outputs `[n, t]` of the least-squares solution on the training split, computed in float64."""
    columns = data.train.inputs.double().flatten(1)
    if bias:
        columns = torch.cat([columns, torch.ones_like(columns[:, :1])], 1)
    # The driver that copes with columns that depend on one another, as those of words do: CPU only.
    wide = columns.cpu()
    solution = torch.linalg.lstsq(wide, data.train.targets.double().cpu(), driver="gelsd").solution
    return (wide @ solution).to(data.train.inputs)


class OptimalityGap:
    """The suboptimality (f - f*) / (f0 - f*) of the full training objective f with minimum f*.

    Of least squares, f - f* is the loss against the best answers and not against the targets: what those answers
    leave over is orthogonal to all that the model can say. No small difference of large numbers is ever taken.

    Args:
        forward: the model.
        objective: the loss.
        inputs: all of the training data, or what stands for it.
        answers: the outputs at the lowest point; nothing where the lowest value is 0.
        minimum: f*.
    """

    def __init__(
        self, forward: Callable[[Tensor], Tensor], objective: Objective, inputs: Tensor, answers: Tensor, minimum: float
    ) -> None:
        self._forward = forward
        self._objective = objective
        self._inputs = inputs
        self._answers = answers
        self.minimum = minimum
        self._first = self._above()

    @torch.no_grad()
    def _above(self) -> Tensor:
        return self._objective(self._forward(self._inputs), self._answers)

    def read(self) -> Tensor:
        """Return the current suboptimality, on the device; it is 1 at the initial model."""
        return self._above() / self._first


def optimality_gap(
    data: Data, forward: Callable[[Tensor], Tensor], objective: Objective, *, linear: bool, bias: bool
) -> OptimalityGap | None:
    """Return the gap of a run with a newly built model; None if the minimum is not known.

    Args:
        linear: whether a linear model is fitted to numbers by the mean square.
        bias: whether that model has one.
    """
    if data.shape.function is not None:
        exact = data.validation
        return OptimalityGap(forward, objective, exact.inputs, exact.targets, data.shape.function.minimum)
    if not linear:
        return None
    answers = best_answers(data, bias)
    return OptimalityGap(forward, objective, data.train.inputs, answers, float(objective(answers, data.train.targets)))
