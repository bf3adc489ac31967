"""A text entry of one line."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class TextEntry(Input):
    """Textual's `Input` without border, blinking cursor and menu; up and down move the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    DEFAULT_CSS = """
    TextEntry, TextEntry:focus {
        border: none;
        height: 1;
        padding: 0 1;
        background: $panel;
        color: $foreground;
    }
    TextEntry:focus { background: $block-cursor-background; color: $block-cursor-foreground; }
    TextEntry.-wrong, TextEntry.-wrong:focus { text-style: underline; color: $error; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", max_length: int = 200, id: str | None = None) -> None:
        super().__init__(value, placeholder=placeholder, max_length=max_length, id=id, select_on_focus=False)
        self.cursor_blink = False  # a blinking cursor would send bytes to a slow terminal twice a second
