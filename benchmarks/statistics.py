"""Ratios, medians and rows of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Comparison = Literal[">=", "<=", ""]


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile of some values."""
    ordered = sorted(values)
    if not ordered:
        return float("nan"), float("nan"), float("nan")
    quarter = (len(ordered) - 1) / 4
    return _between(ordered, quarter), median(ordered), _between(ordered, 3 * quarter)


def _between(ordered: Sequence[float], position: float) -> float:
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def ratios(ours: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return the ratio of each round, without rounds in which one of the two values is missing."""
    return [one / other for one, other in zip(ours, others, strict=True) if one > 0 and other > 0]


@dataclass(slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: the figure.
        against: the baseline.
        values: one measured value for each round.
        unit: of the values; empty for ratios.
        target: the bound that the figure should meet, None without one.
        comparison: whether the figure should be at least or at most the target.
        note: absolute numbers and other details.
        skipped: the reason for a missing figure, else empty.
        worst: whether the figure is the largest value instead of the median.
    """

    name: str
    against: str = ""
    values: list[float] = field(default_factory=list[float])
    unit: str = ""
    target: float | None = None
    comparison: Comparison = ""
    note: str = ""
    skipped: str = ""
    worst: bool = False

    @property
    def figure(self) -> float:
        """The number that the table shows: the median, or the largest value."""
        return max(self.values) if self.worst and self.values else spread(self.values)[1]

    @property
    def met(self) -> bool | None:
        """Whether the figure meets its target; None without a target or a value."""
        if self.target is None or not self.values or self.skipped:
            return None
        return self.figure >= self.target if self.comparison == ">=" else self.figure <= self.target
