"""The splash screen: the first frame, shown while the session is opened and the dashboard is imported."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui_trainer.text import visible


class Splash(Screen[None], inherit_bindings=False):
    """One line of text."""

    DEFAULT_CSS = """
    Splash { align: center middle; background: $background; color: $foreground; }
    Splash Static { width: auto; }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Yield the line."""
        yield Static(Content(visible(self._text)))
