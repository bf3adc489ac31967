"""All keys, grouped."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui_trainer.ui.actions import ACTIONS, GROUPS, Keymap, key_sign, keys_of
from tui_trainer.ui.screens.dialog import Dialog
from tui_trainer.ui.situation import Situation, why_not


class Help(Dialog[None]):
    """The table of actions as a page; what cannot be done now is dim and says why."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q,enter", "leave", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
    ]

    DEFAULT_CSS = """
    Help > #frame { width: 100; height: 90%; }
    Help VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    Help Static { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    HINTS = "↑↓ scroll · esc close · the words in italics name an action in settings.toml"

    def __init__(self, now: Situation, keymap: Keymap) -> None:
        super().__init__("Keys")
        self._now = now
        self._keymap = keymap

    def inside(self) -> list[Widget]:
        """One line an action."""
        return [VerticalScroll(Static(self._page()), can_focus=False)]

    def _page(self) -> Content:
        lines: list[Content] = []
        for group, title in GROUPS.items():
            if lines:
                lines.append(Content(""))
            lines.append(Content.styled(title, "bold"))
            for action in ACTIONS:
                if action.group != group:
                    continue
                keys = " ".join(key_sign(key) for key in keys_of(action, self._keymap))
                reason = why_not(action, self._now)
                text = action.help if reason is None else f"{action.help} Not now: {reason}."
                lines.append(
                    Content.assemble(
                        (f"{keys:>9}  ", "bold $primary" if reason is None else "$muted"),
                        (text, "" if reason is None else "$muted"),
                        (f"  {action.id}", "italic $muted"),
                    )
                )
        return Content("\n").join(lines)

    def action_scroll(self, by: int) -> None:
        """Move the page."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)
