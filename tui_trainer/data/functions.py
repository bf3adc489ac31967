"""Functions to minimise directly, and the module whose parameters are the point."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tui_trainer.data.splits import MADE_UP, random, refuse_huge
from tui_trainer.data.types import Data, FunctionToMinimise, ProblemSpec, Split


class QuadraticFunction(nn.Module):
    """f(x) = 1/2 x' H x with H = R diag(eigenvalues) R': a quadratic bowl with minimum 0 at the origin.

    Args:
        eigenvalues: the curvature along each principal axis, flattest first.
        rotation: degrees by which the flattest and the steepest axis are rotated in their plane.
        start: the starting point, in coordinates along the principal axes, so that a rotation changes the coordinate
            system and not the problem.
    """

    minimum: float = 0.0

    def __init__(self, eigenvalues: Sequence[float], rotation: float, start: Sequence[float]) -> None:
        super().__init__()
        size = len(eigenvalues)
        # Multiples of 90 degrees are exact, so that the Hessian of an unrotated bowl is diagonal to the bit.
        quarters, rest = divmod(rotation, 90.0)
        cosine, sine = math.cos(math.radians(rest)), math.sin(math.radians(rest))
        for _ in range(int(quarters) % 4):
            cosine, sine = -sine, cosine
        turn = torch.eye(size, dtype=torch.float64)
        if size > 1:
            turn[0, 0] = turn[-1, -1] = cosine
            turn[-1, 0], turn[0, -1] = sine, -sine
        self.eigenvalues = tuple(eigenvalues)
        self.hessian: Tensor
        self.start: Tensor
        self.register_buffer("hessian", turn @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ turn.T)
        self.register_buffer("start", turn @ torch.tensor(start, dtype=torch.float64))

    def forward(self, point: Tensor) -> Tensor:
        """Return f at a point `[d]` as a scalar; at points `[..., d]`, one value each."""
        return 0.5 * ((point @ self.hessian) * point).sum(-1)


class PointModule(nn.Module):
    """A point x whose coordinates are the parameters; its output for a sample xi is f(x) + xi . x."""

    def __init__(self, function: FunctionToMinimise) -> None:
        super().__init__()
        self.function = function
        self.x = nn.Parameter(function.start.clone())

    def forward(self, inputs: Tensor) -> Tensor:
        """Map samples `[n, d]` to values `[n, 1]`."""
        return (self.function(self.x) + inputs @ self.x).unsqueeze(-1)


def quadratic(
    seed: int,
    functions: int,
    condition: float,
    dimensions: int,
    rotation: float,
    start: tuple[float, ...],
    noise: float,
    wide: bool,
) -> Data:
    """Build the functions f(x) + xi . x of an epoch; their mean equals f up to rounding, and f is the validation split.

    Curvatures are spread evenly on a logarithmic scale from 1 to `condition`. Without a start, the first gradient has
    the same component along each axis: (condition, 1) in two dimensions, the worst case for exact line search.
    """
    refuse_huge(functions, dimensions)
    eigenvalues: list[float] = np.logspace(0, math.log10(condition), dimensions).tolist()
    function = QuadraticFunction(eigenvalues, rotation, start or [eigenvalues[-1] / value for value in eigenvalues])
    slopes = noise * random(seed, MADE_UP).standard_normal((functions, dimensions))
    slopes -= slopes.mean(0)
    kind = torch.float64 if wide else torch.float32
    train = Split(torch.from_numpy(slopes).to(kind), torch.zeros(functions, 0, dtype=kind))
    exact = Split(torch.zeros(1, dimensions, dtype=kind), torch.zeros(1, 0, dtype=kind))
    turned = f", rotated by {rotation:g} degrees" if rotation and dimensions > 1 else ""
    noisy = f", noise {noise:g} on the gradient" if noise else ""
    named = "1 dimension" if dimensions == 1 else f"{dimensions} dimensions, condition number {condition:g}"
    return Data(
        shape=ProblemSpec("minimise", (dimensions,), 1, function),
        train=train,
        validation=exact,
        known=constants(eigenvalues[0], eigenvalues[-1]) | {"minimum": function.minimum},
        note=f"a quadratic bowl in {named}{turned}{noisy}",
    )


def constants(smallest: float, largest: float) -> dict[str, float]:
    """Return the constants of gradient descent on a quadratic with smallest curvature mu and largest curvature L.

    These are the learning rate 1/L, the best constant learning rate 2/(L + mu), the learning rate 2/L from which
    gradient descent diverges, the optimal constants of heavy ball (Polyak 1964), and the momentum of Nesterov's method
    at the learning rate 1/L.
    """
    low, high = math.sqrt(smallest), math.sqrt(largest)
    return {
        "smallest curvature": smallest,
        "largest curvature": largest,
        "lr of gradient descent": 1 / largest,
        "best constant lr": 2 / (largest + smallest),
        "lr that diverges": 2 / largest,
        "lr of heavy ball": 4 / (high + low) ** 2,
        "momentum of heavy ball": ((high - low) / (high + low)) ** 2,
        "momentum of nesterov": (high - low) / (high + low),
    }
