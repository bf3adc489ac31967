"""Numbers that were measured side by side, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Way = Literal[">=", "<=", ""]


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The median of some values, and the quartiles around it."""
    ordered = sorted(values)
    if not ordered:
        return float("nan"), float("nan"), float("nan")
    quarter = (len(ordered) - 1) / 4
    return _between(ordered, quarter), median(ordered), _between(ordered, 3 * quarter)


def _between(ordered: Sequence[float], place: float) -> float:
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def ratios(ours: Sequence[float], others: Sequence[float]) -> list[float]:
    """Each value over the one that was measured beside it; a round in which one of the two is missing is left out."""
    return [one / other for one, other in zip(ours, others, strict=True) if one > 0 and other > 0]


@dataclass(slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: the figure.
        against: what it is measured against.
        values: the measured values, one for each round: the figure is their median.
        unit: of the values; empty for ratios.
        reach: what it is to reach, None where nothing was set.
        way: whether more or less is better.
        note: absolute numbers, and whatever must be known to read the figure.
        skipped: why there is no figure; empty where there is one.
        worst: whether the figure is the largest value, not the median.
    """

    name: str
    against: str = ""
    values: list[float] = field(default_factory=list[float])
    unit: str = ""
    reach: float | None = None
    way: Way = ""
    note: str = ""
    skipped: str = ""
    worst: bool = False

    @property
    def figure(self) -> float:
        """The one number."""
        return max(self.values) if self.worst and self.values else spread(self.values)[1]

    @property
    def reached(self) -> bool | None:
        """Whether the figure is what it should be; None where there is nothing to compare."""
        if self.reach is None or not self.values or self.skipped:
            return None
        return self.figure >= self.reach if self.way == ">=" else self.figure <= self.reach
