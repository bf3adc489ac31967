"""How often the charts are drawn: as often as is calm, as cheap as was promised, as fast as the line takes it."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

LOCAL_FPS = 4.0
REMOTE_FPS = 1.0
SHARE = 0.035
"""Share of a core that drawing may use while a run is watched; to look for news takes up to a hundredth more."""
IN_PROCESS_SHARE = 0.025
"""The same where the training runs in this very process and waits for the interpreter meanwhile."""
SLOWEST = 2.0
"""Seconds between two drawings that no cost makes longer."""
FIRST = 0.04
"""Processor seconds that the first drawing is believed to take, at most: it does much that is done once."""
FADE = 0.97
"""What is left of a large drawing's size at the next look, until another one tells."""
SETTLED = 0.1
"""Seconds after which a drawing has been painted too, and its whole cost is known."""


class RedrawBudget:
    """Says when the next drawing is due, from the processor time that the last ones took, painting included.

    Attributes:
        max_fps: drawings a second, at most.
        share: share of a core that they may take.
        max_kbps: thousand bytes a second that the terminal may be sent on the average; 0 for as many as there are.
        cost: processor seconds that a drawing has taken lately.
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
        self._drawn_at = self._earliest = float("-inf")
        self._cpu_before: float | None = None
        self._sent = sent
        self._counted: tuple[float, int] | None = None
        """When the bytes were counted last, and how many there were; None until the first picture stands."""
        self._owed = 0.0
        """Bytes that were sent and that the line has not earned yet."""
        self._frame = 0.0
        """Bytes that a drawing has taken lately."""

    def begin(self, now: float) -> None:
        """A drawing begins."""
        if self._cpu_before is None:
            self._cpu_before = self._cpu()
        self._drawn_at = now

    def due(self, now: float) -> bool:
        """Whether enough time has passed since the last drawing."""
        if self._cpu_before is not None and now - self._drawn_at >= SETTLED:
            spent = self._cpu() - self._cpu_before
            # Down at once, up by halves: a layout or a dialog on the way is not what a drawing costs.
            self.cost = min(spent, (self.cost + spent) / 2) if self.cost else min(spent, FIRST)
            self._cpu_before = None
        apart = min(max(1 / self.max_fps, self.cost / self.share), max(1 / self.max_fps, SLOWEST))
        return now >= max(self._drawn_at + apart, self._earliest) and self._affordable(now)

    def _affordable(self, now: float) -> bool:
        """Whether the line has earned what it was sent. The first picture is free: without it there is nothing."""
        if not self.max_kbps:
            return True
        sent = self._sent()
        if self._counted is not None:
            then, before = self._counted
            self._frame = max(sent - before, self._frame * FADE)
            # Earned beforehand, as much as the last drawings took: no second is sent more than its share for long.
            self._owed = max(self._owed - (now - then) * self.max_kbps * 1000, -self._frame) + sent - before
        self._counted = now, sent
        return self._owed <= -self._frame

    def held_up(self, now: float) -> None:
        """The terminal has not taken the last frame yet: give it as long again as two drawings are apart."""
        self._earliest = now + 1 / self.max_fps
