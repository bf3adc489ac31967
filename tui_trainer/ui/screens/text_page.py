"""A dialog that shows a text."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui_trainer.ui.screens.dialogs.base import Dialog


class TextPage(Dialog[None]):
    """One text to scroll. A subclass binds the key that opened the page, which also closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,enter", "leave", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
    ]

    DEFAULT_CSS = """
    TextPage > #frame { width: 96; height: 90%; }
    TextPage VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    TextPage Static { height: auto; text-wrap: wrap; }
    """

    HINTS = "↑↓ scroll · esc close"

    def __init__(self, title: str, text: Content) -> None:
        super().__init__(title)
        self._text = text

    def inside(self) -> list[Widget]:
        """Return the text."""
        return [VerticalScroll(Static(self._text), can_focus=False)]

    def action_scroll(self, lines: int) -> None:
        """Scroll by some lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
