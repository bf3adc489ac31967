"""The first thing that is seen: what is being opened, while everything that can draw it is imported."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui_trainer.text import visible


class Splash(Screen[None], inherit_bindings=False):
    """One line, for the fraction of a second that it takes."""

    DEFAULT_CSS = """
    Splash { align: center middle; background: $background; color: $foreground; }
    Splash Static { width: auto; }
    """

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static(Content(visible(self._words)))
