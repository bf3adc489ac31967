"""Keys and mouse of a list: moving and a click select, enter and a second click act."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Key
from textual.message import Message
from textual.widgets import OptionList

MOVES = {
    "up": "cursor_up",
    "down": "cursor_down",
    "pageup": "page_up",
    "pagedown": "page_down",
}
"""The actions of keys that move in a list while a text entry keeps the focus."""


def follow(options: OptionList, event: Key) -> None:
    """Move the highlight of a list where the key is an arrow or page key, and stop the event then."""
    if event.key in MOVES:
        event.stop()
        getattr(options, f"action_{MOVES[event.key]}")()


def typed_after(event: Key, typed: str) -> str | None:
    """Return the text of a search after a key, None after enter or escape. Stops the event where the key is taken."""
    if event.key in ("enter", "escape"):
        after = None
    elif event.key == "backspace":
        after = typed[:-1]
    elif event.character is not None and event.is_printable:
        after = typed + event.character
    else:
        return typed
    event.stop()
    event.prevent_default()
    return after


class Picker(OptionList):
    """A list in which nothing happens by accident.

    A click highlights its row; a second click on the same row, or enter, selects it. `j k g G` move as the arrows do,
    `/` searches, `n N` go to the next and the previous match.

    Args:
        letters: whether letters move and search; False where the screen gives them another meaning.
        search: whether `/` searches in the list itself.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move('cursor_down')", show=False),
        Binding("k", "move('cursor_up')", show=False),
        Binding("g", "move('first')", show=False),
        Binding("G", "move('last')", show=False),
        Binding("slash", "search", show=False),
        Binding("n", "next_match(1)", show=False),
        Binding("N", "next_match(-1)", show=False),
    ]

    class Searched(Message):
        """The text that is searched for has changed; None where the search is over."""

        def __init__(self, text: str | None, found: bool) -> None:
            super().__init__()
            self.text = text
            self.found = found

    def __init__(self, *content: Any, letters: bool = True, search: bool = True, **options: Any) -> None:
        super().__init__(*content, **options)
        self._letters = letters
        self._search = search
        self._typed: str | None = None
        """The text of a search that is being typed; None outside one."""
        self._sought = ""
        self._clicked: str | None = None
        """The id of the row that the last click selected, its number where it has none; None after a key."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave letters to the screen where they have another meaning."""
        if action == "move" and not self._letters:
            return False
        return not (action in ("search", "next_match") and not (self._letters and self._search))

    def action_page_up(self) -> None:
        """Move up by a page; a list without any room has no page."""
        if self.scrollable_content_region:
            super().action_page_up()

    def action_page_down(self) -> None:
        """Move down by a page; a list without any room has no page."""
        if self.scrollable_content_region:
            super().action_page_down()

    def action_move(self, name: str) -> None:
        """Move the highlight."""
        getattr(self, f"action_{name}")()

    async def _on_click(self, event: Click) -> None:
        event.prevent_default()
        event.stop()
        row: int | None = event.style.meta.get("option")
        if row is None or self.get_option_at_index(row).disabled:
            return
        clicked = self.get_option_at_index(row).id or str(row)
        again = clicked == self._clicked and row == self.highlighted
        self.highlighted, self._clicked = row, clicked
        if again:
            self.action_select()

    def action_search(self) -> None:
        """Begin to type a search."""
        self._type("")

    def action_next_match(self, offset: int) -> None:
        """Highlight the next or previous row that holds the text of the last search."""
        rows = [row for row in self._matches(self._sought) if row != self.highlighted] if self._sought else []
        if not rows:
            return
        here = self.highlighted if self.highlighted is not None else -1
        ahead = [row for row in rows if (row > here if offset > 0 else row < here)]
        self.highlighted = (ahead or rows)[0 if offset > 0 else -1]

    def _matches(self, text: str) -> list[int]:
        return [
            row
            for row in range(self.option_count)
            if not (option := self.get_option_at_index(row)).disabled and text.casefold() in _plain(option.prompt)
        ]

    def _type(self, text: str | None) -> None:
        self._typed = text
        rows: list[int] = []
        if text:
            self._sought = text
            rows = self._matches(text)
            here = self.highlighted or 0
            if rows:
                self.highlighted = next((row for row in rows if row >= here), rows[0])
        self.post_message(self.Searched(text, bool(rows) or not text))

    def on_key(self, event: Key) -> None:
        """Take the letters of a search that is being typed."""
        self._clicked = None
        if self._typed is not None and (typed := typed_after(event, self._typed)) != self._typed:
            self._type(typed)


def _plain(prompt: object) -> str:
    return (prompt.plain if isinstance(prompt, Content) else str(prompt)).casefold()
