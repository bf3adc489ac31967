"""The rates that a sweep marks: one to take, the steepest descent of the loss, a tenth of the rate of its minimum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

FEWEST = 8
"""Fewest finite losses that can have a descent."""
SIGMAS = 5.0
"""Standard errors by which the loss must fall: the lowest of many means is low by chance."""
NORMAL = 0.6745
"""Median of the magnitude of a normal number."""
SHARE = 0.005
"""Share of its level by which the loss must fall."""
NOISE = "the loss falls by no more than its noise: try a larger batch, or search again later"
"""The reason that is given where the loss falls by no more than its noise."""

FALLEN = 0.9
"""Share of the whole fall that the loss has made at the rate to take."""
SAFE = 2.0
"""Factor by which that rate is at least below that of the minimum, beyond which the loss rises."""


@dataclass(frozen=True, slots=True)
class RateMarks:
    """The smoothed curve of a sweep and its marks.

    Attributes:
        smoothed: the loss after each rate, smoothed over the logarithm of the rate.
        proposed: the smallest rate at which the smoothed loss has made `FALLEN` of its fall, at most that of the
            minimum over `SAFE`; None where there is no clear rate.
        steepest: the rate at which the smoothed loss falls fastest; None where there is no clear rate.
        tenth: a tenth of the rate at which the smoothed loss is lowest; None where there is no clear rate.
        unclear: why there is no clear rate; empty where there is one.
    """

    smoothed: tuple[float, ...]
    proposed: float | None = None
    steepest: float | None = None
    tenth: float | None = None
    unclear: str = ""


def smooth(values: Sequence[float], reach: int) -> tuple[float, ...]:
    """Return means with triangular weights over up to `reach` neighbours on each side."""
    smoothed: list[float] = []
    for middle in range(len(values)):
        window = range(max(middle - reach, 0), min(middle + reach + 1, len(values)))
        weights = [reach + 1 - abs(index - middle) for index in window]
        smoothed.append(math.fsum(w * values[i] for w, i in zip(weights, window, strict=True)) / sum(weights))
    return tuple(smoothed)


def mark(rates: Sequence[float], losses: Sequence[float]) -> RateMarks:
    """Return the marks of a sweep: `losses[i]` follows a step at `rates[i]`; the rates grow by one factor.

    The level before the descent is the mean of the first tenth of the curve, where steps are too small to matter.
    Losses that rise above it by more than the whole fall are smoothed as if they rose by that: the rise at the end
    must not reach back into the descent.
    """
    reach = max(2, len(rates) // 12)
    if len(losses) < FEWEST:
        return RateMarks(
            smooth(losses, reach), unclear=f"only {len(losses)} losses are known: begin at a smaller rate (low=RATE)"
        )
    first = max(3, len(losses) // 10)
    level = math.fsum(losses[:first]) / first
    most = 2 * level - min(losses)
    smoothed = smooth([min(loss, most) for loss in losses], reach)
    lowest = min(range(len(smoothed)), key=smoothed.__getitem__)
    error = _noise(losses) * math.sqrt(1 / first + 1 / (reach + 1))
    if level - smoothed[lowest] <= max(SIGMAS * error, SHARE * abs(level)):
        return RateMarks(smoothed, unclear=NOISE)
    slopes = [(smoothed[i + 1] - smoothed[i - 1], i) for i in range(1, max(lowest, 2))]
    steepest = rates[min(slopes)[1]]
    at_the_end = lowest == len(rates) - 1
    ends = "the loss still falls at the largest rate: try larger ones (high=RATE)" if at_the_end else ""
    fallen = level - FALLEN * (level - smoothed[lowest])
    reached = next(rate for rate, loss in zip(rates, smoothed, strict=False) if loss <= fallen)
    return RateMarks(smoothed, min(reached, rates[lowest] / SAFE), steepest, rates[lowest] / 10, ends)


def _noise(losses: Sequence[float]) -> float:
    """Return the deviation of a loss from its neighbours by the median of the differences, which ignores a trend."""
    return median(abs(b - a) for a, b in pairwise(losses)) / (NORMAL * math.sqrt(2))
