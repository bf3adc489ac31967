"""A series with a window of exact values, which were read again from the journal."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import inf, nextafter

from tui_trainer.state.series import Column, Series


class ZoomedSeries(Series):
    """A series that answers with exact values between two steps, and with those of the kept series elsewhere.

    It shares the data of the kept series. It is created for one drawing and never appended to.
    """

    __slots__ = ("_first", "_last", "_window")

    def __init__(self, kept: Series, exact: Series, first: float, last: float) -> None:
        """Overlay `kept` with `exact`, which holds every value from step `first` to step `last`."""
        for name in Series.__slots__:
            setattr(self, name, getattr(kept, name))
        self._window, self._first, self._last = exact, first, last

    def columns(self, edges: Sequence[float]) -> list[Column | None]:
        """As `Series.columns`, with exact values for every span inside the window."""
        begin, end = bisect_left(edges, self._first), bisect_right(edges, self._last) - 1
        if end <= begin:
            return super().columns(edges)
        columns: list[Column | None] = []
        if begin:
            columns += super().columns(_open(edges[: begin + 1]))
        rest = end < len(edges) - 1
        inner = edges[begin : end + 1]
        columns += self._window.columns(_open(inner) if rest else inner)
        return columns + super().columns(edges[end:]) if rest else columns

    def at(self, step: float) -> tuple[int, float] | None:
        """Return the newest (step, value) at or before `step`."""
        exact = self._window.at(step) if self._first <= step <= self._last else None
        return super().at(step) if exact is None else exact

    def grain(self, first: float, last: float) -> int:
        """As `Series.grain`: 1 inside the window."""
        if self._first <= first and min(last, self.last_step) <= self._last:
            return self._window.grain(first, last)
        reached = self._first <= first and self.steps and self.steps[0] <= self._last
        return self._window.grain(first, self._last) if reached else super().grain(first, last)


def _open(edges: Sequence[float]) -> list[float]:
    """Return the edges with the last one lowered, so that a step on it belongs to the next span."""
    return [*edges[:-1], nextafter(edges[-1], -inf)]
