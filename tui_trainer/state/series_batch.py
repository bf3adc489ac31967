"""Batch the measurements of many events before they are appended to the series.

One append to a series costs as much as dozens of numbers, so the values of many events are appended together.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from tui_trainer.protocol.events import Layer
from tui_trainer.state.series import Series

MIN_DIRECT = 64
"""Values of the shortest column that is appended directly: batching would save less than it costs."""


class SeriesBatch:
    """Collects measurements and appends them to the series when it is flushed.

    The result is the same as appending one measurement after the other.

    Args:
        column: returns the series of a metric by name.
        layers: the last measurements of each layer; updated in place.
    """

    def __init__(self, column: Callable[[str], Series], layers: dict[str, Layer]) -> None:
        self._column = column
        self._layers = layers
        self._columns: dict[str, tuple[list[int], list[float | None], dict[int, str]]] = {}
        self._measured: dict[str, dict[str, Any]] = {}

    def extend(
        self, name: str, steps: Sequence[int], values: Sequence[float | None], lost: dict[int, str] | None = None
    ) -> None:
        """Add a column of values, with the arguments of `Series.extend`."""
        if not len(steps):
            return
        if len(steps) >= MIN_DIRECT:
            self._flush_column(name)
            self._column(name).extend(steps, values, lost)
            return
        batched = self._columns.get(name)
        if batched is None:
            self._columns[name] = (list(steps), list(values), dict(lost or {}))
            return
        batched_steps, numbers, gaps = batched
        start = bisect_right(steps, batched_steps[-1]) if steps[0] <= batched_steps[-1] else 0
        if lost:
            offset = len(batched_steps) - start
            gaps.update((offset + position, kind) for position, kind in lost.items() if position >= start)
        batched_steps.extend(steps[start:] if start else steps)
        numbers.extend(values[start:] if start else values)

    def update_layer(self, name: str, values: dict[str, Any]) -> None:
        """Update the measurements of a layer, by field. Fields that are left out keep their values."""
        self._measured.setdefault(name, {}).update(values)

    def flush(self) -> None:
        """Append everything, in the order in which each name was first added."""
        for name in list(self._columns):
            self._flush_column(name)
        for name, measured in self._measured.items():
            layer = self._layers.get(name)
            self._layers[name] = layer.model_copy(update=measured) if layer else Layer(**measured)
        self._measured.clear()

    def _flush_column(self, name: str) -> None:
        batched = self._columns.pop(name, None)
        if batched is not None:
            steps, values, lost = batched
            self._column(name).extend(array("q", steps), values, lost)
