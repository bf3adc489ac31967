"""Limit how often the charts are redrawn: by frame rate, processor time and bytes to the terminal."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

LOCAL_FPS = 4.0
REMOTE_FPS = 1.0
SHARE = 0.025
"""Share of a core that drawing may use, beside the training; polling takes up to another two hundredths."""
SLOWEST = 2.0
"""Longest interval between two drawings that their cost can lead to, in seconds."""
FIRST = 0.04
"""Largest cost assumed after the first drawing, in processor seconds: it includes work that is done once."""
FADE = 0.97
"""Factor by which the remembered size of a frame decays per check."""
SETTLED = 0.1
"""Seconds after which a drawing has also been painted, so that its full cost is known."""


class RedrawBudget:
    """Decides when the next drawing is due, from the processor time of the last ones and the bytes they sent.

    Attributes:
        max_fps: most drawings per second.
        share: share of a core that drawing may use, including the painting by Textual.
        max_kbps: mean rate of bytes to the terminal, in 1000 bytes per second; 0 for no limit.
        cost: recent cost of a drawing, in processor seconds.
    """

    def __init__(
        self,
        max_fps: float,
        share: float = SHARE,
        cpu: Callable[[], float] = thread_time,
        *,
        max_kbps: float = 0.0,
        sent: Callable[[], int] = lambda: 0,
    ) -> None:
        self.max_fps = max_fps
        self.share = share
        self.max_kbps = max_kbps
        self.cost = 0.0
        self._cpu = cpu
        self._drawn_at = self._not_before = float("-inf")
        self._cpu_before: float | None = None
        self._sent = sent
        self._last_count: tuple[float, int] | None = None
        """Time and value of the last count of bytes sent; None before the first drawing."""
        self._debt = 0.0
        """Bytes sent beyond the allowed rate; negative while there is credit."""
        self._frame_bytes = 0.0
        """Recent size of a drawing, in bytes."""

    def begin(self, now: float) -> None:
        """Note that a drawing begins."""
        if self._cpu_before is None:
            self._cpu_before = self._cpu()
        self._drawn_at = now

    def due(self, now: float) -> bool:
        """Return whether the next drawing is due."""
        if self._cpu_before is not None and now - self._drawn_at >= SETTLED:
            spent = self._cpu() - self._cpu_before
            # Falls at once, rises by halves: a layout or a dialog in between is not part of the cost of a drawing.
            self.cost = min(spent, (self.cost + spent) / 2) if self.cost else min(spent, FIRST)
            self._cpu_before = None
        interval = min(max(1 / self.max_fps, self.cost / self.share), max(1 / self.max_fps, SLOWEST))
        return now >= max(self._drawn_at + interval, self._not_before) and self._affordable(now)

    def _affordable(self, now: float) -> bool:
        """Return whether the byte rate allows a drawing. The first one is always allowed."""
        if not self.max_kbps:
            return True
        sent = self._sent()
        if self._last_count is not None:
            then, sent_before = self._last_count
            self._frame_bytes = max(sent - sent_before, self._frame_bytes * FADE)
            # Credit is capped at the size of one drawing, so that a quiet time is not followed by a burst.
            self._debt = max(self._debt - (now - then) * self.max_kbps * 1000, -self._frame_bytes) + sent - sent_before
        self._last_count = now, sent
        return self._debt <= -self._frame_bytes

    def postpone(self, now: float) -> None:
        """Wait another interval: the terminal has not taken the last frame yet."""
        self._not_before = now + 1 / self.max_fps
