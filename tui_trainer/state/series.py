"""A metric over the steps of a run: recent values exactly, older ones in buckets, at a bounded size."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite
from typing import Any

RECENT = 8192
"""Newest points that are kept exactly."""
BUCKETS = 2048
"""Buckets for all older points."""
BLOCK = 64
"""Exact points whose minimum, maximum and sum are computed together and cached between drawings."""
NARROW = 8
"""Width up to which buckets are filled by merging pairs, which is faster than slicing a list for each bucket."""
MAX_GAPS = 256
"""Non-finite values that are kept one by one; further ones are only counted."""


@dataclass(frozen=True, slots=True)
class Column:
    """Summary of a series within a span of steps. `low` and `high` are true values, so that no spike is lost."""

    first: int
    last: int
    low: float
    high: float
    mean: float
    count: int


class Series:
    """Values by step, steps ascending.

    The newest points are kept exactly in `steps` and `values`. When these are full, the older half moves into buckets
    of `width` points each, which keep minimum, maximum and sum. When the buckets are full, neighbours are merged and
    the width doubles. So memory and the cost of drawing are bounded for a run of any length, and a spike of one step is
    never lost. Non-finite values are kept in `gaps` instead.
    """

    __slots__ = (
        "_blocks", "_counts", "_firsts", "_highs", "_lasts", "_lows", "_sums",
        "count", "gap_count", "gaps", "last", "last_step", "steps", "values", "width",
    )  # fmt: skip

    def __init__(self) -> None:
        self.steps = array("q")
        self.values = array("d")
        self.width = 1
        self.count = 0
        self.last: float | None = None
        self.last_step = 0
        self.gaps: list[tuple[int, str]] = []
        self.gap_count = 0
        self._firsts, self._lasts, self._counts = array("q"), array("q"), array("q")
        self._lows, self._highs, self._sums = array("d"), array("d"), array("d")
        self._blocks: tuple[list[float], list[float], list[float]] = ([], [], [])
        """Minimum, maximum and sum of the exact points, computed lazily, block by block."""

    def __len__(self) -> int:
        return self.count

    @property
    def first_step(self) -> int:
        """The first step, 0 if the series is empty."""
        if self._firsts:
            return self._firsts[0]
        return self.steps[0] if self.steps else 0

    def append(self, step: int, value: float) -> None:
        """Append one finite value."""
        if step <= self.last_step and (self.count or self.gap_count):
            return
        self.steps.append(step)
        self.values.append(value)
        self.count += 1
        self.last_step, self.last = step, value
        if len(self.steps) > RECENT:
            self._spill(RECENT // 2)

    def extend(self, steps: Sequence[int], values: Sequence[float | None], lost: dict[int, str] | None = None) -> None:
        """Append a column of values. None is a non-finite value; `lost` maps its position to "nan", "inf" or "-inf".

        Steps at or before the last one are ignored, so that a line read twice changes nothing. An array holds finite
        values alone.
        """
        start = bisect_right(steps, self.last_step) if self.count or self.gap_count else 0
        if start:
            steps, values = steps[start:], values[start:]
        if not len(steps):
            return
        column = values if isinstance(values, array) else _finite(values)
        if lost or column is None:
            finite = [(s, v) for s, v in zip(steps, values, strict=True) if v is not None and isfinite(v)]
            for position, (step, value) in enumerate(zip(steps, values, strict=True)):
                if value is None or not isfinite(value):
                    self.gap_count += 1
                    if len(self.gaps) < MAX_GAPS:
                        self.gaps.append((step, (lost or {}).get(position + start, "nan")))
            self.last_step = steps[-1]
            steps, column = [s for s, _ in finite], array("d", [v for _, v in finite])
            if not steps:
                return
        self.steps.extend(steps)
        self.values.extend(column)
        self.count += len(steps)
        self.last_step = max(self.last_step, steps[-1])
        self.last = self.values[-1]
        while len(self.steps) > RECENT:
            self._spill(RECENT // 2)

    def rewind(self, step: int) -> None:
        """Remove the points after `step`. A bucket that reaches past it is removed with its older points."""
        keep = bisect_right(self.steps, step)
        del self.steps[keep:], self.values[keep:]
        for column in self._blocks:
            del column[keep // BLOCK :]
        buckets = bisect_right(self._lasts, step)
        for column in self._buckets:
            del column[buckets:]
        self.gaps = [gap for gap in self.gaps if gap[0] <= step]
        self.gap_count = len(self.gaps)
        self.count = len(self.steps) + sum(self._counts)
        self.last_step = self.steps[-1] if self.steps else self._lasts[-1] if self._lasts else 0
        self.last = self.values[-1] if self.values else self._sums[-1] / self._counts[-1] if self._counts else None

    def split(self, step: int) -> Series:
        """Remove the points after `step` and return them. A bucket that reaches past it goes with its older points."""
        rest = Series()
        keep, buckets = bisect_right(self.steps, step), bisect_right(self._lasts, step)
        rest.steps, rest.values = self.steps[keep:], self.values[keep:]
        for own, other in zip(self._buckets, rest._buckets, strict=True):
            other.extend(own[buckets:])
        rest.width, rest.last, rest.last_step = self.width, self.last, self.last_step
        rest.gaps = [gap for gap in self.gaps if gap[0] > step]
        rest.gap_count = self.gap_count - (len(self.gaps) - len(rest.gaps))
        rest.count = len(rest.steps) + sum(rest._counts)
        self.rewind(step)
        return rest

    def join(self, step: int, rest: Series) -> None:
        """Replace the points after `step` by those that `split` removed there."""
        self.rewind(step)
        if not rest.count and not rest.gap_count:
            return
        for own, other in zip(self._buckets, rest._buckets, strict=True):
            own.extend(other)
        self.steps.extend(rest.steps)
        self.values.extend(rest.values)
        self.gaps = [*self.gaps, *rest.gaps][:MAX_GAPS]
        self.gap_count += rest.gap_count
        self.count = len(self.steps) + sum(self._counts)
        self.last_step, self.last = rest.last_step, rest.last

    @property
    def _buckets(self) -> tuple[array[Any], ...]:
        return self._firsts, self._lasts, self._counts, self._lows, self._highs, self._sums

    def _spill(self, points: int) -> None:
        """Move the oldest `points` from the exact part into buckets."""
        steps, values = self.steps[:points], self.values[:points].tolist()
        del self.steps[:points], self.values[:points]
        for column in self._blocks:
            del column[: points // BLOCK]
        at = 0
        while at < points:
            partial = len(self._counts) > 0 and self._counts[-1] < self.width
            full = (points - at) // self.width
            if partial:
                at = self._fill(steps, values, at)
            elif len(self._counts) >= BUCKETS:
                self._halve()
            elif full:
                at = self._add(steps, values, at, min(full, BUCKETS - len(self._counts)))
            else:
                self._firsts.append(steps[at])
                self._lasts.append(0)
                self._counts.append(0)
                self._lows.append(inf)
                self._highs.append(-inf)
                self._sums.append(0.0)

    def _fill(self, steps: array[int], values: list[float], at: int) -> int:
        """Fill up the last bucket. Returns the position of the first point after it."""
        end = min(at + self.width - self._counts[-1], len(values))
        chunk = values[at:end]
        self._lasts[-1] = steps[end - 1]
        self._counts[-1] += end - at
        self._lows[-1] = min(self._lows[-1], min(chunk))
        self._highs[-1] = max(self._highs[-1], max(chunk))
        self._sums[-1] += sum(chunk)
        return end

    def _add(self, steps: array[int], values: list[float], at: int, count: int) -> int:
        """Fill `count` new buckets. Returns the position of the first point after them."""
        width = self.width
        end = at + count * width
        self._firsts.extend(steps[at:end:width])
        self._lasts.extend(steps[at + width - 1 : end : width])
        self._counts.extend([width] * count)
        lows = highs = sums = values[at:end]
        if width > NARROW:
            chunks = [values[k : k + width] for k in range(at, end, width)]
            lows, highs, sums = map(min, chunks), map(max, chunks), map(sum, chunks)
        else:
            while width > 1:
                lows, highs, sums = _lower(lows), _higher(highs), _added(sums)
                width //= 2
        self._lows.extend(lows)
        self._highs.extend(highs)
        self._sums.extend(sums)
        return end

    def _halve(self) -> None:
        """Merge neighbouring buckets."""
        self.width *= 2
        self._firsts = self._firsts[::2]
        self._lasts = self._lasts[1::2]
        self._counts = array("q", _added(self._counts.tolist()))
        self._lows = array("d", _lower(self._lows.tolist()))
        self._highs = array("d", _higher(self._highs.tolist()))
        self._sums = array("d", _added(self._sums.tolist()))

    def columns(self, edges: Sequence[float]) -> list[Column | None]:
        """Summarize the points between neighbouring edges: n + 1 ascending steps give n columns, None for an empty one.

        A span includes its left edge but not its right one; the last span includes both. A bucket belongs to the span
        in which it begins.
        """
        if len(edges) < 2:
            return []
        a = [bisect_left(self._firsts, edge) for edge in edges[:-1]]
        c = [bisect_left(self.steps, edge) for edge in edges[:-1]]
        a.append(bisect_right(self._firsts, edges[-1]))
        c.append(bisect_right(self.steps, edges[-1]))
        # Lists, because every access to a value of an array creates an object.
        cut = slice(a[0], max(a[-1], a[0]))
        lows, highs, sums = self._lows[cut].tolist(), self._highs[cut].tolist(), self._sums[cut].tolist()
        counts = self._counts[cut].tolist()
        columns: list[Column | None] = []
        for (left, right), (old, new) in zip(pairwise(a), pairwise(c), strict=True):
            if right > left:
                span = slice(left - a[0], right - a[0])
                low, high, total, count = min(lows[span]), max(highs[span]), sum(sums[span]), sum(counts[span])
                first, last = self._firsts[left], self._lasts[right - 1]
                if new > old:
                    exact = self._exact(old, new)
                    low, high, total = min(low, exact[0]), max(high, exact[1]), total + exact[2]
                    count, last = count + new - old, self.steps[new - 1]
                columns.append(Column(first, last, low, high, total / count, count))
            elif new > old:
                low, high, total = self._exact(old, new)
                count = new - old
                columns.append(Column(self.steps[old], self.steps[new - 1], low, high, total / count, count))
            else:
                columns.append(None)
        return columns

    def _exact(self, start: int, end: int) -> tuple[float, float, float]:
        """Return minimum, maximum and sum of the exact points between two positions, of which there is at least one."""
        first, last = -(-start // BLOCK), end // BLOCK
        if last <= first:
            chunk = self.values[start:end].tolist()
            return min(chunk), max(chunk), sum(chunk)
        lows, highs, sums = self._blocks
        for at in range(len(sums) * BLOCK, last * BLOCK, BLOCK):
            chunk = self.values[at : at + BLOCK].tolist()
            lows.append(min(chunk))
            highs.append(max(chunk))
            sums.append(sum(chunk))
        edges = (self.values[start : first * BLOCK] + self.values[last * BLOCK : end]).tolist()
        low, high, total = min(lows[first:last]), max(highs[first:last]), sum(sums[first:last])
        return min([low, *edges]), max([high, *edges]), total + sum(edges)

    def spans(self) -> list[tuple[int, int, float, float]]:
        """Return first step, last step, minimum and maximum of each bucket, then of each exact point."""
        buckets = zip(self._firsts, self._lasts, self._lows, self._highs, strict=True)
        return [*buckets, *zip(self.steps, self.steps, self.values, self.values, strict=True)]

    def grain(self, first: float, last: float) -> int:
        """Return the number of points in the coarsest bucket of a span, 1 where all points are exact."""
        begin = max(bisect_right(self._firsts, first) - 1, 0)
        return max(self._counts[begin : bisect_right(self._firsts, last)], default=1)

    def at(self, step: float) -> tuple[int, float] | None:
        """Return the newest (step, value) at or before `step`, None if there is none. A bucket gives its mean."""
        index = bisect_right(self.steps, step) - 1
        if index >= 0:
            return self.steps[index], self.values[index]
        index = bisect_right(self._firsts, step) - 1
        if index >= 0:
            return self._lasts[index], self._sums[index] / self._counts[index]
        return None

    def step_where(self, value: float) -> float:
        """Return the step at which an ascending series reaches `value`, interpolated linearly between points."""
        if self.steps and (not self._lows or value >= self.values[0]):
            index = bisect_left(self.values, value)
            if index == 0:
                return self.steps[0]
            if index == len(self.values):
                return self.steps[-1]
            return _between(self.values[index - 1], self.values[index], self.steps[index - 1], self.steps[index], value)
        index = bisect_right(self._lows, value) - 1
        if index < 0:
            return self.first_step
        return _between(self._lows[index], self._highs[index], self._firsts[index], self._lasts[index], value)

    def state_dict(self) -> dict[str, Any]:
        """Return the series as plain lists, for JSON."""
        return {
            "steps": self.steps.tolist(),
            "values": self.values.tolist(),
            "width": self.width,
            "count": self.count,
            "last": self.last,
            "last_step": self.last_step,
            "gaps": self.gaps,
            "gap_count": self.gap_count,
            "buckets": [column.tolist() for column in self._buckets],
        }

    @classmethod
    def from_state_dict(cls, state: dict[str, Any]) -> Series:
        """Create a series from its `state_dict`."""
        series = cls()
        series.steps = array("q", state["steps"])
        series.values = array("d", state["values"])
        series.width, series.count = state["width"], state["count"]
        series.last, series.last_step = state["last"], state["last_step"]
        series.gaps = [(step, kind) for step, kind in state["gaps"]]
        series.gap_count = state["gap_count"]
        columns = state["buckets"]
        series._firsts, series._lasts, series._counts = (array("q", column) for column in columns[:3])
        series._lows, series._highs, series._sums = (array("d", column) for column in columns[3:])
        return series


def _finite(values: Sequence[float | None]) -> array[float] | None:
    """Return the values as an array, None where one of them is not finite."""
    numbers = values if isinstance(values, list) else list(values)
    try:
        if not isfinite(sum(numbers)):  # pyright: ignore[reportArgumentType,reportCallIssue]
            return None
        return array("d", numbers)  # pyright: ignore[reportArgumentType,reportCallIssue]
    except (TypeError, OverflowError):
        return None


# Merge neighbours in pairs. `min` and `max` would take three times as long.


def _lower(column: list[float]) -> list[float]:
    return [a if a < b else b for a, b in zip(column[::2], column[1::2], strict=True)]  # noqa: FURB136 - see above


def _higher(column: list[float]) -> list[float]:
    return [a if a > b else b for a, b in zip(column[::2], column[1::2], strict=True)]  # noqa: FURB136


def _added(column: list[Any]) -> list[Any]:
    return [a + b for a, b in zip(column[::2], column[1::2], strict=True)]


def _between(x0: float, x1: float, y0: float, y1: float, x: float) -> float:
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0) if x1 > x0 else y0
