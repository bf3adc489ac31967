"""The help page: all keys by group."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from tui_trainer.ui.actions import ACTIONS, GROUPS, Keymap, key_sign, keys_of
from tui_trainer.ui.availability import ActionContext, disabled_reason
from tui_trainer.ui.screens.text_page import TextPage


class Help(TextPage):
    """The table of actions; unavailable ones are dimmed and give the reason."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark", "leave", show=False)]

    DEFAULT_CSS = """
    Help > #frame { width: 100; }
    Help VerticalScroll Static { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    HINTS = "↑↓ scroll · esc close · ids in italics are for settings.toml"

    def __init__(self, context: ActionContext, keymap: Keymap) -> None:
        super().__init__("Keys", _table(context, keymap))


def _table(context: ActionContext, keymap: Keymap) -> Content:
    """Return one line per action."""
    lines: list[Content] = []
    for group, title in GROUPS.items():
        if lines:
            lines.append(Content(""))
        lines.append(Content.styled(title, "bold"))
        for action in ACTIONS:
            if action.group != group:
                continue
            keys = " ".join(key_sign(key) for key in keys_of(action, keymap))
            reason = disabled_reason(action, context)
            text = action.help if reason is None else f"{action.help} Unavailable: {reason}."
            lines.append(
                Content.assemble(
                    (f"{keys:>9}  ", "bold $primary" if reason is None else "$muted"),
                    (text, "" if reason is None else "$muted"),
                    (f"  {action.id}", "italic $muted"),
                )
            )
    return Content("\n").join(lines)
