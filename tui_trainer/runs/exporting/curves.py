"""Curves of a run in exact values, however long it is: steps and numbers as arrays, the steps ascending."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from operator import lt
from statistics import fmean, median


@dataclass(slots=True)
class StepCurve:
    """The values of one name with their steps. NaN and infinity stay what they are."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.steps)

    def extend(self, steps: Sequence[int], values: Sequence[float | None], lost: Mapping[int, str]) -> None:
        """Add values; None stands for the number that is not finite at its position in `lost`."""
        self.steps.extend(steps)
        if None in values:
            self.values.extend(
                float(lost.get(at, "nan")) if value is None else value for at, value in enumerate(values)
            )
        else:
            self.values.extend(values)  # pyright: ignore[reportArgumentType] - there is no None in it

    def put(self, step: int, value: float) -> None:
        """Add one value; it replaces the newest one where that is of the same step."""
        if self.steps and self.steps[-1] == step:
            self.values[-1] = value
        else:
            self.steps.append(step)
            self.values.append(value)

    def sort(self) -> None:
        """Put the steps in ascending order; of equal ones the last that was added stays."""
        steps = self.steps
        if all(map(lt, steps, steps[1:])):
            return
        newest = dict(zip(steps, self.values, strict=True))
        self.steps = array("q", sorted(newest))
        self.values = array("d", [newest[step] for step in self.steps])

    def cut(self, step: int) -> None:
        """Remove the values from a step on."""
        keep = bisect_left(self.steps, step)
        del self.steps[keep:], self.values[keep:]

    def at(self, step: int) -> float | None:
        """Return the value at a step, None where nothing was measured at it."""
        index = bisect_left(self.steps, step)
        return self.values[index] if index < len(self.steps) and self.steps[index] == step else None

    def mean(self, first: int, last: int) -> float | None:
        """Return the mean of the finite values from one step to another, None where there is none."""
        part = self.values[bisect_left(self.steps, first) : bisect_right(self.steps, last)]
        finite = [value for value in part if isfinite(value)]
        return fmean(finite) if finite else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """The finite values between two steps: the smallest, the middle and the largest of `count`."""

    first: int
    last: int
    low: float
    middle: float
    high: float
    count: int


def buckets(curve: StepCurve, first: int, last: int, most: int) -> list[Bucket]:
    """Reduce a curve between two steps to at most `most` buckets of equal width in steps.

    A curve with no more values than that keeps each of them. Values that are not finite are left out.
    """
    begin, end = bisect_left(curve.steps, first), bisect_right(curve.steps, last)
    steps, values = curve.steps[begin:end], curve.values[begin:end]
    if len(steps) <= most:
        pairs = zip(steps, values, strict=True)
        return [Bucket(step, step, value, value, value, 1) for step, value in pairs if isfinite(value)]
    found: list[Bucket] = []
    at = 0
    for column in range(1, most + 1):
        until = bisect_right(steps, first + (last - first) * column // most, lo=at)
        part = sorted(filter(isfinite, values[at:until]))
        if part:
            found.append(Bucket(steps[at], steps[until - 1], part[0], median(part), part[-1], len(part)))
        at = until
    return found


def gaps(curve: StepCurve) -> list[tuple[int, str]]:
    """Return step and kind of each value that is not finite: nan, inf or -inf."""
    if isfinite(sum(curve.values)):
        return []
    return [
        (step, "nan" if value != value else "inf" if value > 0 else "-inf")
        for step, value in zip(curve.steps, curve.values, strict=True)
        if not isfinite(value)
    ]
