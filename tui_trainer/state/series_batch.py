"""What many events measured, on its way into the series in one go: each way costs as much as dozens of numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from tui_trainer.protocol.events import Layer
from tui_trainer.state.series import Series

ENOUGH = 64
"""Numbers of a column that need no company: what they cost by themselves is more than the way."""


class SeriesBatch:
    """Takes measurements, and passes them on when it is closed.

    What comes of it is what would have come of one measurement after the other.

    Args:
        column: the series of a metric, by name.
        layers: what was measured last of each layer; written to.
    """

    def __init__(self, column: Callable[[str], Series], layers: dict[str, Layer]) -> None:
        self._column = column
        self._layers = layers
        self._columns: dict[str, tuple[list[int], list[float | None], dict[int, str]]] = {}
        self._measured: dict[str, dict[str, Any]] = {}

    def extend(
        self, name: str, steps: Sequence[int], values: Sequence[float | None], lost: dict[int, str] | None = None
    ) -> None:
        """Take a column of values, as `Series.extend` does."""
        if not len(steps):
            return
        if len(steps) >= ENOUGH:
            self._pass_on(name)
            self._column(name).extend(steps, values, lost)
            return
        found = self._columns.get(name)
        if found is None:
            self._columns[name] = (list(steps), list(values), dict(lost or {}))
            return
        known, numbers, gaps = found
        start = bisect_right(steps, known[-1]) if steps[0] <= known[-1] else 0
        if lost:
            place = len(known) - start
            gaps.update((place + position, kind) for position, kind in lost.items() if position >= start)
        known.extend(steps[start:] if start else steps)
        numbers.extend(values[start:] if start else values)

    def measured(self, name: str, values: dict[str, Any]) -> None:
        """Take what was measured of a layer, by field: what is left out stays as it was."""
        self._measured.setdefault(name, {}).update(values)

    def close(self) -> None:
        """Pass on everything, in the order in which each name came first."""
        for name in list(self._columns):
            self._pass_on(name)
        for name, measured in self._measured.items():
            known = self._layers.get(name)
            self._layers[name] = known.model_copy(update=measured) if known else Layer(**measured)
        self._measured.clear()

    def _pass_on(self, name: str) -> None:
        found = self._columns.pop(name, None)
        if found is not None:
            steps, values, lost = found
            self._column(name).extend(array("q", steps), values, lost)
