"""The log pane: events of a run as text, output of the process, and warnings."""

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

from tui_trainer.state.run_data import HAPPENED
from tui_trainer.state.run_state import LogLine

MAX_LINE_LENGTH = 2000
"""Most characters shown of a line."""
CLOCK_FROM = 90
"""Least width, in cells, at which lines show the time of day."""
ROUTINE = frozenset(("epoch", "save"))
"""Kinds of lines that are shown only on request: the charts show their numbers."""
PINNED = 3
"""Most rows at the top of the pane that show what happened, where printed lines would have pushed it out."""
BRIEF = {"train_loss": "loss", "train_accuracy": "acc", "val_loss": "val loss", "val_accuracy": "val acc"}
"""Names of the metrics in an epoch's line that would be cut."""


class LogPane(ScrollView, can_focus=False):
    """Log lines with their time and a sign for their kind. The pane follows the end until the user scrolls back."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--time",
        "log--event",
        "log--epoch",
        "log--save",
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
    LogPane > .log--epoch, LogPane > .log--save { color: $foreground 75%; }
    LogPane > .log--output, LogPane > .log--trainer { color: $muted; }
    LogPane > .log--warning { color: $error; text-style: bold; }
    """

    SIGNS: ClassVar[dict[str, str]] = {
        "event": "▸",
        "epoch": "·",
        "save": "·",
        "output": "│",
        "trainer": "│",
        "warning": "!",
    }

    PLAIN_SIGNS: ClassVar[dict[str, str]] = {
        **SIGNS,
        "event": ">",
        "epoch": ".",
        "save": ".",
        "output": "|",
        "trainer": "|",
    }

    def __init__(self, *, plain: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._signs = self.PLAIN_SIGNS if plain else self.SIGNS
        self._lines: tuple[LogLine, ...] = ()
        self._user, self._everything = "", False
        self._rows: list[tuple[LogLine, str, bool]] = []
        """Rows as shown: the line, the part of its text, and whether it is the first part."""
        self._width = 0
        self._following = True
        """Whether the pane follows the end of the log."""
        self._pinned: list[tuple[LogLine, str, bool]] = []
        """Rows at the top of the pane while it follows the end, above printed lines."""
        self._updating_layout = False

    def show(self, lines: Sequence[LogLine], user: str = "", *, everything: bool = False) -> None:
        """Show these lines, the newest last, and scroll to the end if the pane follows it.

        Args:
            lines: the log of a run.
            user: the user of this screen, who is not named as the author of a change.
            everything: show epochs and saves too.
        """
        if everything != self._everything:
            self._following = True
        self._user, self._everything = user, everything
        newest = tuple(line for line in lines if everything or line.kind not in ROUTINE)
        width = self.scrollable_content_region.width
        if newest == self._lines and width == self._width:
            return
        self._lines, self._width = newest, width
        room = max(width - self._time_width - 2, 8)
        self._rows = [
            (line, part, first)
            for line in newest
            for first, part in zip([True, *[False] * len(line.text)], _wrapped_line(line, room, user), strict=False)
        ]
        self._pinned = [] if everything else pinned_rows(self._rows, self.size.height)
        self._updating_layout = True
        self.virtual_size = Size(width, len(self._rows))
        if self._following:
            self.set_scroll(None, self.max_scroll_y)
        self._updating_layout = False
        self.refresh()

    def reveal(self, line: LogLine) -> None:
        """Scroll to a line, where it is shown."""
        row = next((index for index, (shown, _, _) in enumerate(self._rows) if shown is line), None)
        if row is not None:
            self.scroll_to(y=max(row - self.size.height // 2, 0), animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end only while the user has scrolled to it."""
        super().watch_scroll_y(old_value, new_value)
        if not self._updating_layout:
            self._following = new_value >= self.max_scroll_y - 1

    @property
    def _time_width(self) -> int:
        return 9 if self._width >= CLOCK_FROM else 0

    def on_resize(self) -> None:
        """Wrap the lines again for the new width."""
        self._width = 0
        self.show(self._lines, self._user, everything=self._everything)

    def render_line(self, y: int) -> Strip:
        """Render one row."""
        at = y + self.scroll_offset.y
        width = self.size.width
        background = self.rich_style
        if not 0 <= at < len(self._rows):
            return Strip.blank(width, background)
        line, part, first = self._pinned[y] if self._following and y < len(self._pinned) else self._rows[at]
        style = self._style(f"log--{line.kind}", background)
        segments = [Segment(f"{self._signs.get(line.kind, ' ')} " if first else "  ", style), Segment(part, style)]
        if self._time_width:
            segments.insert(
                0,
                Segment(
                    f"{clock_time(line.at) if first else '':<{self._time_width}}", self._style("log--time", background)
                ),
            )
        return Strip(segments).adjust_cell_length(width, background)

    def _style(self, name: str, background: Style) -> Style:
        known = name if name in self.COMPONENT_CLASSES else "log--event"
        return background + self.get_component_rich_style(known, partial=True)


def pinned_rows(rows: Sequence[tuple[LogLine, str, bool]], height: int) -> list[tuple[LogLine, str, bool]]:
    """Return the first rows of the newest lines that tell what happened, where printed lines have pushed them out.

    Args:
        rows: all rows of the pane, each with its line and whether it is the first of that line.
        height: rows that are visible, the last ones.
    """
    room = min(height // 2, PINNED)
    happened = [index for index, (line, _, first) in enumerate(rows) if first and line.kind in HAPPENED]
    for count in range(room, 0, -1):
        above = [index for index in happened if index < len(rows) - (height - count)]
        if len(happened) - len(above) + count <= room and len(above) >= count and above[-count] < len(rows) - height:
            return [rows[index] for index in above[-count:]]
    return []


def _wrapped_line(line: LogLine, width: int, user: str) -> tuple[str, ...]:
    """Wrap a line to rows. Epoch lines stay on one row: there are many, and the charts show their numbers."""
    text = without_author(line.text, user)
    if line.kind == "epoch" and cell_len(text) > width:
        for name, short in BRIEF.items():
            text = text.replace(f"  {name} ", f"  {short} ")
    if line.kind == "epoch" and cell_len(text) > width:
        return (wrap(text, width - 1)[0].rstrip() + "…",)
    return wrap(text, width)


def without_author(text: str, user: str) -> str:
    """Return the description of a change without its author, where that is the user of this screen."""
    return text.replace(f" ({user})", "") if user else text


def clock_time(at: str) -> str:
    """Return the local time of day of an ISO timestamp, empty if it cannot be parsed."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S")
    except (ValueError, OSError, OverflowError):
        return ""


@lru_cache(maxsize=1024)
def wrap(text: str, width: int) -> tuple[str, ...]:
    """Split a text into rows of at most `width` cells, between words unless that leaves a large gap."""
    rows: list[str] = []
    if len(text) > MAX_LINE_LENGTH:
        text = text[:MAX_LINE_LENGTH] + " ..."
    while cell_len(text[: 4 * width]) > width:
        # Look only at text that may fit: measuring the full remainder each time is quadratic.
        head = chop_cells(text[: 4 * width], width)[0]
        space = head.rfind(" ")
        cut = space + 1 if space > width * 0.4 else len(head)
        rows.append(text[:cut])
        text = text[cut:]
    return (*rows, text)
