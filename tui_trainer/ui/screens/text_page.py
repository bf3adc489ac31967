"""A dialog that shows a text."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Static

from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.forms.list_keys import typed_after
from tui_trainer.ui.screens.dialogs.base import Dialog

END = 100_000
"""Lines that scroll to the end of any text."""


class TextPage(Dialog[None]):
    """One text to scroll and search. A subclass binds the key that opened the page, which also closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,enter", "leave", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("g,home", f"scroll({-END})", show=False),
        Binding("G,end", f"scroll({END})", show=False),
        Binding("slash", "search", show=False),
        Binding("n", "next_match(1)", show=False),
        Binding("N", "next_match(-1)", show=False),
    ]

    DEFAULT_CSS = """
    TextPage > #frame { width: 96; height: 90%; }
    TextPage.-short > #frame { height: 100%; }
    TextPage VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    TextPage .line { height: auto; min-height: 1; text-wrap: wrap; }
    TextPage .-match { background: $primary 30%; }
    """

    HINTS = "j k ↑↓ scroll · / search · esc close"

    def __init__(self, title: str, text: Content) -> None:
        super().__init__(title)
        self._text = text
        self._typed: str | None = None
        """The text of a search that is being typed; None outside one."""
        self._sought = ""
        self._at = -1

    def inside(self) -> list[Widget]:
        """Return the lines of the text."""
        lines = self._text.split("\n", allow_blank=True)
        return [VerticalScroll(*(Static(line, classes="line") for line in lines), can_focus=False)]

    def action_scroll(self, lines: int) -> None:
        """Scroll by some lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_search(self) -> None:
        """Begin to type a search."""
        self._type("")

    def action_next_match(self, offset: int) -> None:
        """Go to the next or previous line that holds the text of the last search."""
        lines = list(self.query(".line").results(Static))
        sought = self._sought.casefold()
        found = [index for index, line in enumerate(lines) if sought and sought in str(line.content).casefold()]
        if found:
            ahead = [index for index in found if (index > self._at if offset > 0 else index < self._at)]
            self._show_match((ahead or found)[0 if offset > 0 else -1])

    def _show_match(self, index: int) -> None:
        self._at = index
        for number, line in enumerate(self.query(".line").results(Static)):
            line.set_class(number == index, "-match")
            if number == index:
                self.query_one(VerticalScroll).scroll_to_widget(line, animate=False)

    def _type(self, typed: str | None) -> None:
        self._typed = typed
        if typed:
            self._sought, self._at = typed, -1
            self.action_next_match(1)
        if typed is None:
            self.query_one("#keys", KeyHints).show(self.HINTS)
        else:
            missing = "  no match" if typed and self._at < 0 else ""
            self.query_one("#keys", KeyHints).show(f"/{typed}{missing}", "bold $primary")

    def on_key(self, event: Key) -> None:
        """Take the letters of a search that is being typed."""
        if self._typed is not None and (typed := typed_after(event, self._typed)) != self._typed:
            self._type(typed)
