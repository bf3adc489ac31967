"""A robust fit of a + b t^-c to the tail of a curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

POWERS = (0.25, 0.5, 1.0)
"""The exponents c that are tried."""
ROUNDS = 6
"""Rounds in which points that lie apart lose weight."""
BOUND = 1.5
"""Deviations of the residuals from which on a point loses weight (Huber)."""
NORMAL = 1.4826
"""The deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class TailFit:
    """A fitted tail.

    Attributes:
        level, slope, power: a, b and c.
        noise: the deviation of the residuals, robust.
        residuals: of each point, oldest first.
    """

    level: float
    slope: float
    power: float
    noise: float
    residuals: tuple[float, ...]

    def at(self, time: float) -> float:
        """Return the fitted value at a time."""
        return self.level + self.slope * time**-self.power


def fit_tail(times: Sequence[float], values: Sequence[float]) -> TailFit:
    """Return the best of the fits with each of the powers; at least three points are needed."""
    return min((_fitted(times, values, power) for power in POWERS), key=_cost)


def _cost(fit: TailFit) -> float:
    """Return the sum of the magnitudes: one point that lies apart does not decide."""
    return sum(map(abs, fit.residuals))


def _fitted(times: Sequence[float], values: Sequence[float], power: float) -> TailFit:
    shapes = [time**-power for time in times]
    weights = [1.0] * len(values)
    level, slope, noise = 0.0, 0.0, 0.0
    residuals: list[float] = []
    for _ in range(ROUNDS):
        level, slope = _line(shapes, values, weights)
        residuals = [value - level - slope * shape for value, shape in zip(values, shapes, strict=True)]
        noise = NORMAL * median(map(abs, residuals))
        if noise <= 1e-12 * max(map(abs, values)):
            break
        weights = [min(1.0, BOUND * noise / abs(residual)) if residual else 1.0 for residual in residuals]
    return TailFit(level, slope, power, noise, tuple(residuals))


def _line(shapes: Sequence[float], values: Sequence[float], weights: Sequence[float]) -> tuple[float, float]:
    """Return level and slope of the weighted least squares."""
    total = math.fsum(weights)
    x = math.fsum(w * s for w, s in zip(weights, shapes, strict=True)) / total
    y = math.fsum(w * v for w, v in zip(weights, values, strict=True)) / total
    spread = math.fsum(w * (s - x) ** 2 for w, s in zip(weights, shapes, strict=True))
    if spread <= 1e-18 * max(x * x, 1e-300):
        return y, 0.0
    slope = math.fsum(w * (s - x) * (v - y) for w, s, v in zip(weights, shapes, values, strict=True)) / spread
    return y - slope * x, slope
