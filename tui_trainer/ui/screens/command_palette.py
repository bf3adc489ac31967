"""The command palette: find an action by its name and perform it."""

from __future__ import annotations

from textual import on
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui_trainer.ui.actions import ACTIONS, Action, Keymap, shown_key
from tui_trainer.ui.availability import ActionContext, disabled_reason, label
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.list_keys import follow
from tui_trainer.ui.fuzzy import ranked
from tui_trainer.ui.screens.dialogs.base import Dialog

_HIDDEN = ("palette", "back")


class CommandPalette(Dialog[str]):
    """Answers with the id of an action.

    Not `textual.command`: its palette raises `ScreenStackError` under random keys (Textual 8.2.8), and cannot show why
    an action is unavailable.
    """

    DEFAULT_CSS = """
    CommandPalette > #frame { width: 76; }
    CommandPalette OptionList { height: auto; max-height: 60vh; margin-top: 1; }
    CommandPalette.-short OptionList { margin-top: 0; }
    """

    HINTS = "type to find · ↑↓ choose · enter perform · esc close"

    def __init__(self, context: ActionContext, keymap: Keymap) -> None:
        super().__init__("Actions")
        self._action_context = context
        self._keymap = keymap

    def inside(self) -> list[Widget]:
        """Return the text entry and the list of the actions that match it."""
        return [TextEntry(placeholder="pause, schedule, roll back …"), OptionList(markup=False, compact=True)]

    def on_mount(self) -> None:
        """List all actions."""
        super().on_mount()
        self.query_one(OptionList).can_focus = False
        self._list("")

    def _list(self, typed: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        actions = [action for action in ACTIONS if action.id not in _HIDDEN]
        matches = ranked(typed, actions, lambda action: (label(action, self._action_context), action.id, action.help))
        options.add_options([Option(self._line(action), id=action.id) for action in matches])
        options.highlighted = 0 if matches else None
        self.show_error("" if matches else "no action matches")

    def _line(self, action: Action) -> Content:
        reason = disabled_reason(action, self._action_context)
        key = f"{shown_key(action, self._keymap):>5} "
        name = f" {label(action, self._action_context):<14} "
        if reason is not None:
            return Content.assemble((key + name + reason, "$muted"))
        return Content.assemble((key, "bold $primary"), name, (action.help, "$muted"))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._list(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.answer(options.get_option_at_index(options.highlighted).id)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.answer(event.option.id)

    def on_key(self, event: Key) -> None:
        """Move in the list while the text entry keeps the focus."""
        follow(self.query_one(OptionList), event)
