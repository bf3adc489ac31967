"""Claims of a row: the allowed range of a measured number, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

Of = Literal["each", "mean"]
"""Whether a claim must hold for every seed, or for the mean over the seeds."""

Kind = Literal["measured", "exact", "by construction"]
"""`measured`: a result of training or timing, which differs with the seed or the machine. `exact`: a computation
without chance, which could disagree with the theory. `by construction`: a test of this program, not of the idea."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The values that a claim allows: from `low` to `high`, or exactly `value`."""

    low: float = -math.inf
    high: float = math.inf
    value: float | None = None

    def holds(self, measured: float) -> bool:
        """Return whether the measured number is allowed; NaN and inf never are."""
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
    """Return the bound: at least `low`."""
    return Bound(low=low)


def below(high: float) -> Bound:
    """Return the bound: at most `high`."""
    return Bound(high=high)


def within(low: float, high: float) -> Bound:
    """Return the bound: from `low` to `high`."""
    return Bound(low=low, high=high)


def about(value: float, tolerance: float) -> Bound:
    """Return the bound: within `tolerance` of `value`."""
    return Bound(low=value - tolerance, high=value + tolerance)


def exactly(value: float) -> Bound:
    """Return the bound: exactly this number."""
    return Bound(value=value)


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured number of one seed, with its bound.

    Attributes:
        claim: what was measured, in words; the same for every seed.
        value: the number, computed from the run just made.
        bound: the threshold.
        of: whether each seed has to keep it, or their mean.
        key: the name by which the text of a lesson quotes it, as in `{S29:power}`; empty if none does.
        kind: where the number comes from.
    """

    claim: str
    value: float
    bound: Bound
    of: Of = "each"
    key: str = ""
    kind: Kind = "measured"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a claim over all trained seeds."""

    row: str
    claim: str
    values: tuple[float, ...]
    bound: Bound
    of: Of
    key: str = ""
    kind: Kind = "measured"

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return fmean(self.values)

    @property
    def holds(self) -> bool:
        """Whether the claim holds."""
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
        """The bound as text, with a note if it applies to the mean."""
        return f"mean {self.bound}" if self.of == "mean" else str(self.bound)


def short(value: float) -> str:
    """Format a number with four digits."""
    return f"{value:.4g}"


def collect(row: str, seeds: list[list[Measured]]) -> list[Verdict]:
    """Return the verdicts of a row from the measurements of each seed, in the order of the claims."""
    by_claim: dict[str, list[Measured]] = {}
    for found in seeds:
        for measured in found:
            by_claim.setdefault(measured.claim, []).append(measured)
    return [
        Verdict(
            row,
            claim,
            tuple(one.value for one in measured),
            measured[0].bound,
            measured[0].of,
            measured[0].key,
            measured[0].kind,
        )
        for claim, measured in by_claim.items()
    ]
