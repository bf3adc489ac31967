"""The theme picker: each theme is shown while it is highlighted; enter keeps it, escape takes it back."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.preferences.theme_choice import FEW_COLORS, depth_of, kind_of, offered
from tui_trainer.ui.screens.dialogs.base import Dialog


class ThemePicker(Dialog[str]):
    """Answers with the name of the theme to keep. It stands at the bottom, so that the charts show each theme."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "leave", show=False)]

    DEFAULT_CSS = """
    ThemePicker { align: right bottom; background: $background 0%; }
    ThemePicker > #frame { width: 46; }
    ThemePicker OptionList { height: auto; max-height: 12; }
    ThemePicker #few { height: auto; color: $muted; }
    """

    HINTS = "↑↓ j k show · enter keep · esc take back"

    class Chosen(Message):
        """A theme was chosen to be kept."""

        def __init__(self, theme: str) -> None:
            super().__init__()
            self.theme = theme

    def __init__(self) -> None:
        super().__init__("Theme")
        self._before = ""
        """The theme before the picker was opened."""

    def inside(self) -> list[Widget]:
        """Return the list of themes, and the reason where there is no choice."""
        reason = FEW_COLORS.get(depth_of(self.app), "")
        return [
            *([Static(Content(reason), id="few")] if reason else []),
            Picker(search=False, markup=False, compact=True),
        ]

    def on_mount(self) -> None:
        """List the themes; highlight the present one."""
        super().on_mount()
        self._before = self.app.theme
        themes = offered(self.app.available_themes, self._before, depth_of(self.app))
        options = self.query_one(Picker)
        width = max(len(theme.name) for theme in themes)
        options.add_options(
            [
                Option(Content.assemble(f"{theme.name:<{width}}  ", (kind_of(theme), "$muted")), id=theme.name)
                for theme in themes
            ]
        )
        options.highlighted = next((k for k, theme in enumerate(themes) if theme.name == self._before), None)
        options.focus()

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the theme."""
        event.stop()
        # A message that was under way when the picker was closed changes nothing.
        if not self._answered and event.option.id and event.option.id != self.app.theme:
            self.app.theme = event.option.id

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        """Keep the theme."""
        event.stop()
        if event.option.id and not self._answered:
            self.app.theme = event.option.id
            # To the app itself: a message that bubbles up would be lost with this screen.
            self.app.post_message(self.Chosen(event.option.id))
            self.answer(event.option.id)

    def action_leave(self) -> None:
        """Take the preview back."""
        if not self._answered:
            self.app.theme = self._before
        super().action_leave()
