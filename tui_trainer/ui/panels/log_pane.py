"""The log of a run: what happened in words, what the process printed, what to worry about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_trainer.state.run_state import LogLine

LONGEST = 2000
"""Characters of a line that are shown."""
CLOCK_FROM = 90
"""Columns from which there is room for the time of day."""


class LogPane(ScrollView, can_focus=False):
    """Lines with their time and a sign for their kind. It follows the end until somebody scrolls back."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--time",
        "log--event",
        "log--epoch",
        "log--output",
        "log--trainer",
        "log--warning",
    }

    DEFAULT_CSS = """
    LogPane {
        height: 1fr; background: $background; overflow-x: hidden;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0;
    }
    LogPane > .log--time { color: $muted; }
    LogPane > .log--event { color: $foreground; }
    LogPane > .log--epoch { color: $foreground 75%; }
    LogPane > .log--output, LogPane > .log--trainer { color: $muted; }
    LogPane > .log--warning { color: $error; text-style: bold; }
    """

    SIGNS: ClassVar[dict[str, str]] = {"event": "▸", "epoch": "·", "output": "│", "trainer": "│", "warning": "!"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[LogLine, ...] = ()
        self._rows: list[tuple[LogLine, str, bool]] = []
        """Rows as they stand: the line, the part of its text, whether it is the first part."""
        self._width = 0
        self._following = True
        """Whether the end stays in sight."""
        self._placing = False

    def show(self, lines: Sequence[LogLine]) -> None:
        """Show these lines; the end stays in sight where it was."""
        newest = tuple(lines)
        width = self.scrollable_content_region.width
        if newest == self._lines and width == self._width:
            return
        self._lines, self._width = newest, width
        room = max(width - self._margin - 2, 8)
        self._rows = [
            (line, part, first)
            for line in newest
            for first, part in zip([True, *[False] * len(line.text)], _rows_of(line, room), strict=False)
        ]
        self._placing = True
        self.virtual_size = Size(width, len(self._rows))
        if self._following:
            self.set_scroll(None, self.max_scroll_y)
        self._placing = False
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Somebody scrolled: back from the end, or to it again."""
        super().watch_scroll_y(old_value, new_value)
        if not self._placing:
            self._following = new_value >= self.max_scroll_y - 1

    @property
    def _margin(self) -> int:
        return 9 if self._width >= CLOCK_FROM else 0

    def on_resize(self) -> None:
        """Wrap anew; what was in sight at the end stays."""
        self._width = 0
        self.show(self._lines)

    def render_line(self, y: int) -> Strip:
        """One row."""
        at = y + self.scroll_offset.y
        width = self.size.width
        ground = self.rich_style
        if not 0 <= at < len(self._rows):
            return Strip.blank(width, ground)
        line, part, first = self._rows[at]
        style = self._style(f"log--{line.kind}", ground)
        segments = [Segment(f"{self.SIGNS.get(line.kind, ' ')} " if first else "  ", style), Segment(part, style)]
        if self._margin:
            segments.insert(
                0, Segment(f"{clock_time(line.at) if first else '':<{self._margin}}", self._style("log--time", ground))
            )
        return Strip(segments).adjust_cell_length(width, ground)

    def _style(self, name: str, ground: Style) -> Style:
        known = name if name in self.COMPONENT_CLASSES else "log--event"
        return ground + self.get_component_rich_style(known, partial=True)


def _rows_of(line: LogLine, width: int) -> tuple[str, ...]:
    """A line in rows. The line of an epoch stays one row: there are many, and the charts have its numbers too."""
    if line.kind == "epoch" and cell_len(line.text) > width:
        return (parts(line.text, width - 1)[0].rstrip() + "…",)
    return parts(line.text, width)


def clock_time(at: str) -> str:
    """The time of day here at a moment in UTC, empty where it cannot be read."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S")
    except (ValueError, OSError, OverflowError):
        return ""


@lru_cache(maxsize=1024)
def parts(text: str, width: int) -> tuple[str, ...]:
    """The text in parts of at most `width` cells, cut between words where that leaves no great hole."""
    found: list[str] = []
    if len(text) > LONGEST:
        text = text[:LONGEST] + " ..."
    while cell_len(text[: 4 * width]) > width:
        # Only what may fit is looked at: the whole of a long line each time would cost its square.
        head = chop_cells(text[: 4 * width], width)[0]
        space = head.rfind(" ")
        cut = space + 1 if space > width * 0.4 else len(head)
        found.append(text[:cut])
        text = text[cut:]
    return (*found, text)
