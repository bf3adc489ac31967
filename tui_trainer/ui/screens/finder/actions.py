"""The keys of a finder that move, search and leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui_trainer.text import visible
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.forms.long_list import LongList

if TYPE_CHECKING:
    from tui_trainer.ui.copying.texts import Copyable

MESSAGE_SECONDS = 5.0
"""Seconds for which a message stands in place of the keys."""
COPIED_SECONDS = 8.0
"""Seconds for which the last line says what was copied."""


class FinderActions(Screen[None], inherit_bindings=False):
    """A screen with one list and a search entry."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", show=False),
        Binding("q", "leave", show=False),
        Binding("f5", "reload", show=False),
        Binding("slash", "search", show=False),
        Binding("question_mark", "help", show=False),
        Binding("colon,ctrl+p", "palette", show=False),
        Binding("t", "theme", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
        Binding("y", "copy", show=False),
        Binding("n", "move(1)", show=False),
        Binding("N", "move(-1)", show=False),
    ]

    HEADING = "tui-trainer"
    """A description of the screen, for its help page."""
    OWN_KEYS: ClassVar[tuple[tuple[str, str, str, str], ...]] = ()
    """Name of the action, key, label and help of each key that this screen alone has."""

    @property
    def effect(self) -> str:
        """The effect of enter."""
        raise NotImplementedError

    def act(self) -> None:
        """Open the highlighted item, as enter does."""
        raise NotImplementedError

    def leave(self) -> None:
        """Leave the screen."""
        raise NotImplementedError

    def action_move(self, offset: int) -> None:
        """Go to the next or previous item that is listed."""
        listed = self.query_one(LongList)
        (listed.action_cursor_down if offset > 0 else listed.action_cursor_up)()

    def action_search(self) -> None:
        """Type a search."""
        self.query_one(TextEntry).focus()

    def action_clear(self) -> None:
        """Empty the search entry and go back to the list; leave where both is so already."""
        entry = self.query_one(TextEntry)
        if entry.value or entry.has_focus:
            entry.value = ""
            self.query_one(LongList).focus()
        else:
            self.leave()

    def action_help(self) -> None:
        """Show the keys of this screen."""
        from tui_trainer.ui.screens.finder.keys import show_help

        show_help(self, self.HEADING, self.effect, self.OWN_KEYS)

    def action_palette(self) -> None:
        """Find a command or a theme."""
        from tui_trainer.ui.screens.finder.keys import choose_command

        def chosen(name: str) -> None:
            (self.act if name == "act" else getattr(self, f"action_{name}"))()

        choose_command(self, self.effect, self.OWN_KEYS, chosen)

    def copyable(self) -> list[Copyable]:
        """Return what can be copied of the highlighted item."""
        return []

    def action_copy(self) -> None:
        """Copy the name, the path or a command of the highlighted item."""
        from tui_trainer.ui.screens.dialogs.copying import Copy

        if copies := self.copyable():
            self.app.push_screen(Copy(copies), self._copied)

    def _copied(self, said: str | None) -> None:
        if said is not None:
            self.query_one("#bottom", KeyHints).show(said, "$secondary")
            self.set_timer(COPIED_SECONDS, self.show_keys)

    def show_keys(self) -> None:
        """Show the keys in the last line."""
        raise NotImplementedError

    def show_error(self, text: str) -> None:
        """Show an error in the last line; an empty text shows the keys again."""
        raise NotImplementedError

    def say(self, text: str, failed: bool) -> None:
        """Show a message in place of the keys for a while, or an error."""
        self.show_error(text if failed else "")
        if not failed:
            self.query_one("#bottom", KeyHints).show(visible(text), "$success")
            self.set_timer(MESSAGE_SECONDS, self.show_keys)

    def action_theme(self) -> None:
        """Choose the colours."""
        from tui_trainer.ui.screens.theme_picker import ThemePicker

        self.app.push_screen(ThemePicker())

    def action_leave(self) -> None:
        """Leave the screen."""
        self.leave()
