"""A histogram over the steps of a run, at a bounded size: neighbouring columns, and bins, are merged as it grows."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

COLUMNS = 96
"""Most columns; an even number."""
BINS = 32
"""Bins of each column; an even number."""
MARGIN = 0.1
"""Share of the first range that is left free on each side."""


@dataclass(slots=True)
class HeatColumn:
    """The histograms of some neighbouring steps together.

    Attributes:
        first: step of the first of them.
        last: step of the last.
        count: number of histograms.
        shares: sum of their shares in each bin; each histogram adds up to 1.
    """

    first: int
    last: int
    count: int
    shares: array[float]


class HistogramHistory:
    """Shares of values in bins of equal width, by step.

    All columns have the same bins from `low` to `high`. A histogram beyond that range doubles it, and merges pairs of
    bins; beyond `COLUMNS` columns, pairs of columns are merged and the newest one takes more histograms from then on.
    """

    __slots__ = ("columns", "high", "low", "width")

    def __init__(self) -> None:
        self.low, self.high = 0.0, 0.0
        self.width = 1
        """Histograms in a full column."""
        self.columns: list[HeatColumn] = []

    @property
    def last_step(self) -> int:
        """The newest step, -1 without any."""
        return self.columns[-1].last if self.columns else -1

    def append(self, step: int, low: float, high: float, counts: Sequence[float]) -> None:
        """Add a histogram of bins of equal width. One that is empty, or not after the newest step, is ignored."""
        total = sum(counts)
        if step <= self.last_step or not total > 0 or not high > low or not self._cover(low, high):
            return
        shares = self._rebinned(low, high, [count / total for count in counts])
        newest = self.columns[-1] if self.columns else None
        if newest is not None and newest.count < self.width:
            newest.last, newest.count = step, newest.count + 1
            newest.shares = _added(newest.shares, shares)
            return
        if len(self.columns) >= COLUMNS:
            self._merge_columns()
        self.columns.append(HeatColumn(step, step, 1, shares))

    def at(self, step: float) -> HeatColumn | None:
        """Return the newest column that begins at or before a step, None without one."""
        return next((column for column in reversed(self.columns) if column.first <= step), None)

    def split(self, step: int) -> HistogramHistory:
        """Remove the columns that begin after `step` and return them."""
        rest = HistogramHistory()
        rest.low, rest.high, rest.width = self.low, self.high, self.width
        rest.columns = [column for column in self.columns if column.first > step]
        self.columns = [column for column in self.columns if column.first <= step]
        return rest

    def join(self, step: int, rest: HistogramHistory) -> None:
        """Replace the columns that begin after `step` by those that `split` removed there."""
        self.split(step)
        if not rest.columns:
            return
        if self._cover(rest.low, rest.high):
            for column in rest.columns:
                column.shares = self._rebinned(rest.low, rest.high, column.shares)
            self.columns += rest.columns
        while len(self.columns) > COLUMNS:
            self._merge_columns()

    def state_dict(self) -> dict[str, Any]:
        """Return the history as plain lists, for JSON."""
        columns = [
            [column.first, column.last, column.count, [float(f"{share:.4g}") for share in column.shares]]
            for column in self.columns
        ]
        return {"low": self.low, "high": self.high, "width": self.width, "columns": columns}

    @classmethod
    def from_state_dict(cls, state: dict[str, Any]) -> HistogramHistory:
        """Create a history from its `state_dict`."""
        history = cls()
        history.low, history.high, history.width = state["low"], state["high"], state["width"]
        history.columns = [
            HeatColumn(first, last, count, array("d", shares)) for first, last, count, shares in state["columns"]
        ]
        return history

    def _cover(self, low: float, high: float) -> bool:
        """Widen the range until it holds another one. Returns False where it would not be finite."""
        if not self.columns:
            margin = MARGIN * (high - low)
            self.low, self.high = low - margin, high + margin
            return isfinite(self.low) and isfinite(self.high) and self.high > self.low
        while low < self.low or high > self.high:
            size = self.high - self.low
            upward = high > self.high
            if not isfinite(self.high + size) or not isfinite(self.low - size):
                return False
            if upward:
                self.high += size
            else:
                self.low -= size
            for column in self.columns:
                merged = array("d", [a + b for a, b in zip(column.shares[::2], column.shares[1::2], strict=True)])
                free = array("d", bytes(8 * (BINS // 2)))
                column.shares = merged + free if upward else free + merged
        return True

    def _rebinned(self, low: float, high: float, shares: Sequence[float]) -> array[float]:
        """Return shares in the bins of this history; the values in a bin count as evenly spread."""
        bins = array("d", bytes(8 * BINS))
        size, source = (self.high - self.low) / BINS, (high - low) / len(shares)
        for index, share in enumerate(shares):
            if not share:
                continue
            start = (low + index * source - self.low) / size
            end = start + source / size
            first, last = max(int(start), 0), min(int(end), BINS - 1)
            for place in range(first, last + 1):
                overlap = min(end, place + 1) - max(start, place)
                if overlap > 0 and end > start:
                    bins[place] += share * overlap / (end - start)
        return bins

    def _merge_columns(self) -> None:
        """Merge pairs of neighbours. The last of an odd number stays alone, and takes more histograms."""
        self.width *= 2
        merged: list[HeatColumn] = []
        for index in range(0, len(self.columns), 2):
            first, *second = self.columns[index : index + 2]
            for other in second:
                shares = _added(first.shares, other.shares)
                first = HeatColumn(first.first, other.last, first.count + other.count, shares)
            merged.append(first)
        self.columns = merged


def _added(one: array[float], other: array[float]) -> array[float]:
    return array("d", [a + b for a, b in zip(one, other, strict=True)])


def _load(value: Any) -> dict[str, HistogramHistory]:
    return {
        name: item if isinstance(item, HistogramHistory) else HistogramHistory.from_state_dict(item)
        for name, item in value.items()
    }


def _dump(value: dict[str, HistogramHistory]) -> dict[str, Any]:
    return {name: history.state_dict() for name, history in value.items()}


Histograms = Annotated[dict[str, HistogramHistory], PlainValidator(_load), PlainSerializer(_dump)]
