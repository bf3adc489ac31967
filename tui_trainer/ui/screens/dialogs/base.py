"""The base class of dialogs; escape cancels."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.forms.list_keys import Picker

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None], inherit_bindings=False):
    """A frame with a title, the widgets of a subclass, a line for errors, and key hints.

    The answer is None where the dialog is cancelled.
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
    Dialog #error { height: auto; max-height: 3; color: $error; }
    Dialog #keys { margin-top: 1; }
    Dialog.-short #keys { margin-top: 0; }
    Dialog.-tiny > #frame { border: none; padding: 0; }
    """

    HINTS = "enter accept · esc cancel"

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._answered = False

    def compose(self) -> ComposeResult:
        """Yield the frame around the widgets of the subclass."""
        frame = Vertical(*self.inside(), Static(id="error", markup=False), KeyHints(self.HINTS, id="keys"), id="frame")
        frame.border_title = Content(self._title)
        yield frame

    def inside(self) -> list[Widget]:
        """Return the widgets of the frame."""
        return []

    def on_resize(self) -> None:
        """Drop margins, then the border, in a small terminal."""
        self.set_class(self.size.height < 18, "-short")
        self.set_class(self.size.height < 8 or self.size.width < 24, "-tiny")

    def show_error(self, text: str) -> None:
        """Show an error; hide the line where the text is empty."""
        line = self.query_one("#error", Static)
        line.update(Content(f"! {text}" if text else ""))
        line.display = bool(text)

    def on_mount(self) -> None:
        """Hide the line for errors."""
        self.show_error("")

    @on(Picker.Searched)
    def _searched(self, event: Picker.Searched) -> None:
        event.stop()
        hints = self.query_one("#keys", KeyHints)
        if event.text is None:
            hints.show(self.HINTS)
        else:
            missing = "" if event.found else "  no match"
            hints.show(f"/{event.text}{missing}", "bold $primary")

    def action_leave(self) -> None:
        """Cancel."""
        self.answer(None)

    def answer(self, answer: Answer | None) -> None:
        """Close with an answer. Only the first call counts: a key pressed twice must not close the screen behind."""
        if not self._answered and self.is_current:
            self._answered = True
            self.dismiss(answer)
