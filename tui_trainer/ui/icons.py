"""The symbols that the screen uses, and ASCII ones for fonts that lack them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Icons:
    """One set of symbols. Each status has its own, so that statuses differ by more than their colour."""

    full: str = "━"
    half: str = "╸"
    rest: str = "─"
    rule: str = "─"
    ellipsis: str = "…"
    dot: str = "·"
    spinner: tuple[str, ...] = ("⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏")
    running: str = "▶"
    paused: str = "‖"
    stopping: str = "◼"
    finished: str = "✔"
    failed: str = "✖"
    starting: str = "…"
    cut_off: str = "✖"
    pointer: str = "▸"
    pinned: str = "◆"
    hidden: str = "○"
    descending: str = "▾"
    ascending: str = "▴"
    star: str = "★"
    ascii: bool = False
    """Whether the font may lack every sign that is not ASCII."""

    def state(self, status: str) -> str:
        """Return the symbol of a run's status."""
        symbols = {
            "running": self.running,
            "paused": self.paused,
            "stopping": self.stopping,
            "finished": self.finished,
            "failed": self.failed,
            "dead": self.failed,
        }
        return symbols.get(status, self.starting)

    def bar(self, share: float, width: int) -> tuple[str, str]:
        """Return a bar of `width` cells as its full part and its rest; `share` is from 0 to 1."""
        halves = round(min(max(share, 0.0), 1.0) * width * 2)
        full = self.full * (halves // 2) + (self.half if halves % 2 else "")
        return full, self.rest * (width - len(full))


PLAIN = Icons(
    full="=",
    half="-",
    rest=".",
    rule="-",
    ellipsis="..",
    dot="-",
    spinner=("|", "/", "-", "\\"),
    running=">",
    paused="=",
    stopping="!",
    finished="+",
    failed="x",
    starting=":",
    cut_off="x",
    pointer=">",
    pinned="#",
    hidden="o",
    descending="v",
    ascending="^",
    star="*",
    ascii=True,
)
FANCY = Icons()
STATE_STYLES = {
    "running": "$success",
    "paused": "$warning bold",
    "stopping": "$warning",
    "finished": "$primary",
    "failed": "$error bold",
    "dead": "$error",
}
"""The colour of each status."""
