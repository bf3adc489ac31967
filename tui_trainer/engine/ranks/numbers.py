"""The numbers of many ranks as a few series: median, worst, and the name of the worst; not those of each rank.

Times are milliseconds a step. A rank that is slow waits less than the others: its own work and its data make it late.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

from tui_trainer.engine.ranks.beat import Report
from tui_trainer.state.series_names import RANK

PERIOD = 0.5
"""Seconds between two rows of the series, however many beats and ranks there are."""
MIB = 1 << 20


class RankNumbers:
    """Adds up the reports of all ranks, and returns a row of the series once in `PERIOD` seconds.

    Args:
        size: number of ranks.
        clock: seconds of real time.
    """

    def __init__(self, size: int, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._size = size
        self._at = clock()
        self._start()

    def _start(self) -> None:
        self._steps = 0.0
        self._own, self._waited, self._input = ([0.0] * self._size for _ in range(3))

    def add(self, reports: Sequence[Report]) -> dict[str, float]:
        """Take in the reports of a beat. Returns the next row by the names of the series, empty until it is due."""
        self._steps += reports[0].steps
        for rank, report in enumerate(reports):
            self._own[rank] += report.own
            self._waited[rank] += report.waited
            self._input[rank] += report.input
        now = self._clock()
        if now - self._at < PERIOD or not self._steps:
            return {}
        self._at = now
        row = self._row(reports)
        self._start()
        return row

    def _row(self, reports: Sequence[Report]) -> dict[str, float]:
        scale = 1000 / self._steps
        busy = [own + data for own, data in zip(self._own, self._input, strict=True)]
        steps = [one + wait for one, wait in zip(busy, self._waited, strict=True)]
        memory = [report.memory for report in reports]
        slowest = max(range(self._size), key=busy.__getitem__)
        row = {
            "step": median(steps) * scale,
            "busy": median(busy) * scale,
            "busy_worst": busy[slowest] * scale,
            "slowest": float(slowest),
            "wait": median(self._waited) * scale,
            "wait_worst": max(self._waited) * scale,
            "input": median(self._input) * scale,
            "input_worst": max(self._input) * scale,
            "input_slowest": float(max(range(self._size), key=self._input.__getitem__)),
            "memory": median(memory) / MIB,
            "memory_worst": max(memory) / MIB,
        }
        return {f"{RANK}/{name}": round(value, 3) for name, value in row.items()}
