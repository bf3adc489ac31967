"""The first line of the home screen: its three tabs, which can be clicked; and the line of the queue below it."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.message import Message

from tui_trainer.text import cell_width
from tui_trainer.ui.panels.panel import Panel

TABS = ("start", "runs", "lecture")
"""The tabs from left to right; the digits 1 to 3 select them."""
NARROW = 60
"""Width below which the name of the program is left out."""


class TabChosen(Message):
    """A tab was chosen with the mouse."""

    def __init__(self, tab: str) -> None:
        super().__init__()
        self.tab = tab


class HomeTabs(Panel):
    """The tabs in one line."""

    DEFAULT_CSS = """
    HomeTabs { height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__(id="top")
        self._spans: list[tuple[int, int, str]] = []
        self._shown: tuple[str, dict[str, str], str] | None = None

    def show_tabs(self, selected: str, counts: dict[str, str], end: str = "") -> None:
        """Show the tabs.

        Args:
            selected: the tab that is open.
            counts: what stands behind the name of a tab.
            end: what stands at the right, where there is room.
        """
        self._shown = selected, counts, end
        width = self.size.width or self.app.size.width
        parts: list[str | tuple[str, str]] = [] if width < NARROW else [("tui-trainer  ", "bold")]
        at = 1 + sum(cell_width(part[0]) for part in parts)
        self._spans = []
        for number, tab in enumerate(TABS, 1):
            text = f" {number} {tab.capitalize()}{' ' + counts[tab] if counts.get(tab) else ''} "
            style = "reverse bold" if tab == selected else "$muted"
            self._spans.append((at, at + cell_width(text), tab))
            parts += [(text, style), " "]
            at += cell_width(text) + 1
        room = width - 1 - at - cell_width(end)
        if end and room > 0:
            parts += [" " * room, (end, "$muted")]
        self.show(Content.assemble(*parts))

    def on_resize(self) -> None:
        """Fit the line to the new width."""
        if self._shown is not None:
            self.show_tabs(*self._shown)

    def on_click(self, event: Click) -> None:
        """Choose the tab under the mouse."""
        for start, end, tab in self._spans:
            if start <= event.x < end:
                event.stop()
                self.post_message(TabChosen(tab))


class QueueLine(Panel):
    """The state of the queue in one line; a click shows its entries."""

    DEFAULT_CSS = """
    QueueLine { height: 1; padding: 0 1; }
    """

    def show_queue(self, text: str) -> None:
        """Show the state of the queue, empty where there is nothing to say."""
        self.set_class(not text, "-empty")
        self.show(Content.styled(text, "$secondary"))

    def on_click(self, event: Click) -> None:
        """Show the entries."""
        if not self.has_class("-empty"):
            event.stop()
            self.post_message(TabChosen("runs"))
