"""What a row promises, and whether a measured number keeps it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

Of = Literal["each", "mean"]
"""Whether every seed has to keep a claim, or the mean of the seeds."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The values that a claim allows: from `low` to `high`, or exactly `value`."""

    low: float = -math.inf
    high: float = math.inf
    value: float | None = None

    def holds(self, measured: float) -> bool:
        """Whether the measured number is allowed; one that is not finite never is."""
        if self.value is not None:
            return measured == self.value
        return math.isfinite(measured) and self.low <= measured <= self.high

    def __str__(self) -> str:
        if self.value is not None:
            return f"= {self.value:g}"
        if math.isinf(self.low):
            return f"≤ {self.high:g}"
        if math.isinf(self.high):
            return f"≥ {self.low:g}"
        return f"{self.low:g} … {self.high:g}"


def above(low: float) -> Bound:
    """At least `low`."""
    return Bound(low=low)


def below(high: float) -> Bound:
    """At most `high`."""
    return Bound(high=high)


def within(low: float, high: float) -> Bound:
    """From `low` to `high`."""
    return Bound(low=low, high=high)


def about(value: float, tolerance: float) -> Bound:
    """No farther than `tolerance` from `value`."""
    return Bound(low=value - tolerance, high=value + tolerance)


def exactly(value: float) -> Bound:
    """This number, to the last bit."""
    return Bound(value=value)


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of one seed, with what it has to keep.

    Attributes:
        claim: what was measured, in words; the same for every seed.
        value: the number, computed from the run just made.
        bound: the threshold.
        of: whether each seed has to keep it, or their mean.
    """

    claim: str
    value: float
    bound: Bound
    of: Of = "each"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim of a row over all seeds that were trained."""

    row: str
    claim: str
    values: tuple[float, ...]
    bound: Bound
    of: Of

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return fmean(self.values)

    @property
    def holds(self) -> bool:
        """Whether the claim is kept."""
        if self.of == "mean":
            return self.bound.holds(self.mean)
        return all(self.bound.holds(value) for value in self.values)

    @property
    def measured(self) -> str:
        """Mean [smallest, largest]; the number alone for one seed."""
        if len(self.values) == 1:
            return short(self.values[0])
        return f"{short(self.mean)} [{short(min(self.values))}, {short(max(self.values))}]"

    @property
    def threshold(self) -> str:
        """The bound, and whether the mean has to keep it."""
        return f"mean {self.bound}" if self.of == "mean" else str(self.bound)


def short(value: float) -> str:
    """Four digits, enough to compare with a threshold by eye."""
    return f"{value:.4g}"


def collect(row: str, seeds: list[list[Measured]]) -> list[Verdict]:
    """The verdicts of a row from what each seed measured, claim by claim in their order."""
    by_claim: dict[str, list[Measured]] = {}
    for found in seeds:
        for measured in found:
            by_claim.setdefault(measured.claim, []).append(measured)
    return [
        Verdict(row, claim, tuple(one.value for one in measured), measured[0].bound, measured[0].of)
        for claim, measured in by_claim.items()
    ]
