"""Arrow keys for a list while the text entry above it keeps the focus."""

from __future__ import annotations

from textual.events import Key
from textual.widgets import OptionList


def follow(options: OptionList, event: Key) -> None:
    """Move the highlight of a list where the key is an arrow or page key, and stop the event then."""
    moves = {
        "up": options.action_cursor_up,
        "down": options.action_cursor_down,
        "pageup": options.action_page_up,
        "pagedown": options.action_page_down,
    }
    if event.key in moves:
        event.stop()
        moves[event.key]()
