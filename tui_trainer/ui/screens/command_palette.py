"""The command palette: find a command, a view or a theme by its name, and perform or show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui_trainer.ui.actions import ACTIONS, Keymap, shown_key
from tui_trainer.ui.availability import ActionContext, disabled_reason, label
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.list_keys import Picker, follow
from tui_trainer.ui.fuzzy import ranked
from tui_trainer.ui.preferences.theme_choice import depth_of, offered
from tui_trainer.ui.screens.dialogs.base import Dialog
from tui_trainer.ui.screens.theme_picker import ThemePicker

_HIDDEN = ("palette", "back", "theme")
_THEME = "theme:"
"""Begins the id of the entry of a theme."""


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """One entry of the palette.

    Attributes:
        id: the answer of the palette.
        key: the key that does the same, as users read it.
        name: a few words.
        help: one sentence.
        reason: the reason why it is unavailable; empty where it is not.
    """

    id: str
    key: str
    name: str
    help: str
    reason: str = ""


def dashboard_commands(context: ActionContext, keymap: Keymap) -> list[PaletteEntry]:
    """Return the actions of the dashboard."""
    return [
        PaletteEntry(
            action.id,
            shown_key(action, keymap),
            label(action, context),
            action.help,
            disabled_reason(action, context) or "",
        )
        for action in ACTIONS
        if action.id not in _HIDDEN
    ]


class CommandPalette(Dialog[str]):
    """Answers with the id of a command. Themes are switched at once while they are highlighted; escape takes it back.

    Not `textual.command`: its palette raises `ScreenStackError` under random keys (Textual 8.2.8), and cannot show why
    a command is unavailable.
    """

    DEFAULT_CSS = """
    CommandPalette > #frame { width: 80; }
    CommandPalette OptionList { height: auto; max-height: 60vh; margin-top: 1; }
    CommandPalette.-short OptionList { margin-top: 0; max-height: 50vh; }
    """

    HINTS = "type to find · ↑↓ choose · enter do it · esc close"

    def __init__(self, commands: Sequence[PaletteEntry]) -> None:
        super().__init__("Commands")
        self._commands = list(commands)
        self._theme = ""
        """The theme before the palette was opened."""

    def inside(self) -> list[Widget]:
        """Return the text entry and the list of what matches it."""
        return [
            TextEntry(placeholder="pause, schedule, roll back, dracula …"),
            Picker(letters=False, markup=False, compact=True),
        ]

    def on_mount(self) -> None:
        """List everything."""
        super().on_mount()
        self._theme = self.app.theme
        self._commands += [
            PaletteEntry(f"{_THEME}{theme.name}", "", f"theme {theme.name}", "colours of the screen")
            for theme in offered(self.app.available_themes, self._theme, depth_of(self.app))
        ]
        self.query_one(Picker).can_focus = False
        self._list("")

    def _list(self, typed: str) -> None:
        options = self.query_one(Picker)
        options.clear_options()
        matches = ranked(typed, self._commands, lambda command: (command.name, command.id, command.help))
        options.add_options([Option(self._line(command), id=command.id) for command in matches])
        options.highlighted = 0 if matches else None
        self.show_error("" if matches else f'no match for "{typed[:20]}"')

    def _line(self, command: PaletteEntry) -> Content:
        key, name = f"{command.key:>7} ", f" {command.name:<15} "
        if command.reason:
            return Content.assemble((key + name + command.reason, "$muted"))
        return Content.assemble((key, "bold $primary"), name, (command.help, "$muted"))

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Preview a theme."""
        identity = event.option.id or ""
        theme = identity.removeprefix(_THEME) if identity.startswith(_THEME) else self._theme
        if theme and theme != self.app.theme and theme in self.app.available_themes:
            self.app.theme = theme

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._list(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        options = self.query_one(Picker)
        if options.highlighted is not None:
            self._choose(options.get_option_at_index(options.highlighted).id or "")

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._choose(event.option.id or "")

    def _choose(self, identity: str) -> None:
        if identity.startswith(_THEME):
            self.app.post_message(ThemePicker.Chosen(identity.removeprefix(_THEME)))
        self.answer(identity)

    def action_leave(self) -> None:
        """Cancel, and take back the preview of a theme."""
        self.app.theme = self._theme
        super().action_leave()

    def on_key(self, event: Key) -> None:
        """Move in the list while the text entry keeps the focus."""
        follow(self.query_one(Picker), event)
