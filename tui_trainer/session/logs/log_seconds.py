"""The seconds of training at each step of a log, from times that may jump."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate
from math import isfinite

from tui_trainer.readers.numbers import all_finite, worth_numpy
from tui_trainer.readers.order import ascend
from tui_trainer.readers.reading import LogColumn


def risen(column: LogColumn, zero: float, before: float) -> LogColumn:
    """Return times since `zero` that never fall, by ascending step.

    Args:
        column: times by step, both in the order of the file.
        zero: the time of the start.
        before: the largest time so far.
    """
    if not worth_numpy(len(column.values)):
        values = column.values
        if not all_finite(values):
            values = array("d", [value if isfinite(value) else 0.0 for value in values])
        rising = array("d", accumulate([value - zero for value in values], max, initial=before))[1:]
        if ascend(column.steps):
            return LogColumn(column.steps, rising)
        pairs = sorted(zip(column.steps, rising, strict=True))
        return LogColumn(array("q", [step for step, _ in pairs]), array("d", [value for _, value in pairs]))
    import numpy as np

    steps, times = np.frombuffer(column.steps, np.int64), np.frombuffer(column.values, np.float64)
    times = np.maximum.accumulate(np.maximum(np.where(np.isfinite(times), times, 0.0) - zero, before))
    if (steps[1:] < steps[:-1]).any():
        order = np.lexsort((times, steps))
        steps, times = steps[order], times[order]
    risen = LogColumn()
    risen.steps.frombytes(steps.tobytes())
    risen.values.frombytes(times.tobytes())
    return risen


def seconds_at(seconds: LogColumn | None, steps: array[int], otherwise: float) -> array[float]:
    """Return the time at each of ascending steps: the last one known at or before it."""
    if seconds is None:
        return array("d", [otherwise]) * len(steps)
    first = bisect_left(seconds.steps, steps[0]) if len(steps) else 0
    part = slice(first, first + len(steps))
    if seconds.steps is steps or seconds.steps[part] == steps:
        return seconds.values[part]
    if not worth_numpy(len(steps)):
        found = [bisect_right(seconds.steps, step) - 1 for step in steps]
        return array("d", accumulate((seconds.values[at] if at >= 0 else 0.0 for at in found), max))
    import numpy as np

    known = np.frombuffer(seconds.steps, np.int64)
    found = np.searchsorted(known, np.frombuffer(steps, np.int64), "right") - 1
    times = np.where(found >= 0, np.frombuffer(seconds.values, np.float64)[found], 0.0)
    return array("d", np.maximum.accumulate(times).tobytes())


def largest(values: array[float]) -> float:
    """Return the largest of some values."""
    if not worth_numpy(len(values)):
        return max(values)
    import numpy as np

    return float(np.frombuffer(values, np.float64).max())
