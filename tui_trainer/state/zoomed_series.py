"""A series of which a part is known better than it was kept."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import inf, nextafter

from tui_trainer.state.series import Column, Series


class ZoomedSeries(Series):
    """A series that answers from another one, read again from the journal, for the steps that this one covers.

    It shares what the kept series holds and is never added to: it is made anew for each drawing.
    """

    __slots__ = ("_first", "_last", "_near")

    def __init__(self, whole: Series, near: Series, first: float, last: float) -> None:
        """`near` holds all that was measured from the step `first` to `last`."""
        for name in Series.__slots__:
            setattr(self, name, getattr(whole, name))
        self._near, self._first, self._last = near, first, last

    def columns(self, edges: Sequence[float]) -> list[Column | None]:
        """What happened between neighbouring edges: from close by where all of a span is covered."""
        begin, end = bisect_left(edges, self._first), bisect_right(edges, self._last) - 1
        if end <= begin:
            return super().columns(edges)
        found: list[Column | None] = []
        if begin:
            found += super().columns(_open(edges[: begin + 1]))
        rest = end < len(edges) - 1
        inner = edges[begin : end + 1]
        found += self._near.columns(_open(inner) if rest else inner)
        return found + super().columns(edges[end:]) if rest else found

    def at(self, step: float) -> tuple[int, float] | None:
        """The newest (step, value) at or before `step`."""
        found = self._near.at(step) if self._first <= step <= self._last else None
        return super().at(step) if found is None else found

    def grain(self, first: float, last: float) -> int:
        """Points behind the coarsest value that a span is drawn from."""
        if self._first <= first and min(last, self.last_step) <= self._last:
            return self._near.grain(first, last)
        reached = self._first <= first and self.steps and self.steps[0] <= self._last
        return self._near.grain(first, self._last) if reached else super().grain(first, last)


def _open(edges: Sequence[float]) -> list[float]:
    """The same edges, the last one without the step that lies on it: that belongs to what follows."""
    return [*edges[:-1], nextafter(edges[-1], -inf)]
