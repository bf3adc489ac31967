"""A question in front of the charts: escape changes nothing."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None], inherit_bindings=False):
    """A frame with a title, what a subclass puts in it, a line for what is wrong, and the keys that end it.

    Its answer is None where nothing is to change.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "cancel"),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 55%; }
    Dialog > #frame {
        width: 64; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; border-title-color: $primary; border-title-style: bold;
        background: $surface; padding: 0 1;
    }
    Dialog OptionList { text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size-vertical: 1; }
    Dialog OptionList, Dialog OptionList:focus {
        border: none; padding: 0; background: $surface; background-tint: $surface 0%;
    }
    Dialog #problem { height: auto; max-height: 2; color: $error; }
    Dialog #keys { height: 1; color: $muted; margin-top: 1; }
    Dialog.-short #keys { margin-top: 0; }
    Dialog.-tiny > #frame { border: none; padding: 0; }
    """

    HINTS = "enter accept · esc cancel"

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._answered = False

    def compose(self) -> ComposeResult:
        """The frame around the subclass's own widgets."""
        frame = Vertical(
            *self.inside(), Static(id="problem", markup=False), Static(Content(self.HINTS), id="keys"), id="frame"
        )
        frame.border_title = Content(self._title)
        yield frame

    def inside(self) -> list[Widget]:
        """What the frame holds."""
        return []

    def on_resize(self) -> None:
        """A small terminal gives its cells to what matters."""
        self.set_class(self.size.height < 18, "-short")
        self.set_class(self.size.height < 8 or self.size.width < 24, "-tiny")

    def problem(self, text: str) -> None:
        """Say what is wrong, or nothing."""
        line = self.query_one("#problem", Static)
        line.update(Content(f"! {text}" if text else ""))
        line.display = bool(text)

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.problem("")

    def action_leave(self) -> None:
        """Change nothing."""
        self.answer(None)

    def answer(self, answer: Answer | None) -> None:
        """Close with an answer, the first time: a key that is pressed twice must not close what lies behind."""
        if not self._answered and self.is_current:
            self._answered = True
            self.dismiss(answer)
