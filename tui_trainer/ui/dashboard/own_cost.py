"""The cost of the program itself in one line: its share of the training time, and the bytes sent to this terminal."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.protocol.describe import number
from tui_trainer.state.run_state import RunState

OVERHEAD = "system/overhead"
"""Percent of the training time that recording, events and commands take."""
PERIOD = 2.0
"""Seconds between two readings of the bytes sent."""


class OwnCost:
    """Words for the cost, from numbers that are counted anyway. The text changes at most once in `PERIOD` seconds.

    Args:
        sent: bytes sent to the terminal so far.
    """

    def __init__(self, sent: Callable[[], int]) -> None:
        self._sent = sent
        self._last: tuple[float, int] | None = None
        self._rate = 0.0

    def text(self, state: RunState, now: float) -> str:
        """Return the line; empty for a run that is over, or that does not record its cost."""
        series = state.series.get(OVERHEAD)
        share = series.last if series is not None else None
        if share is None or state.over:
            return ""
        rate = self._bytes_per_second(now)
        rate /= 1000
        sent = f" · {rate:.{int(rate < 9.95)}f} kB/s" if rate else ""
        small = "<0.01" if 0 < share < 0.01 else number(round(share, 2), 2)  # the line has room for four characters
        return f"{small} % of time{sent}"

    def _bytes_per_second(self, now: float) -> float:
        sent = self._sent()
        if self._last is None:
            self._last = now, sent
        elif now - self._last[0] >= PERIOD:
            self._rate = (sent - self._last[1]) / (now - self._last[0])
            self._last = now, sent
        return self._rate
