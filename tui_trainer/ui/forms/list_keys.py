"""A list that follows the arrows while a line to type in keeps the focus."""

from __future__ import annotations

from textual.events import Key
from textual.widgets import OptionList


def follow(options: OptionList, event: Key) -> None:
    """Move in the list where the key is one that moves; then nobody else gets it."""
    moves = {
        "up": options.action_cursor_up,
        "down": options.action_cursor_down,
        "pageup": options.action_page_up,
        "pagedown": options.action_page_down,
    }
    if event.key in moves:
        event.stop()
        moves[event.key]()
