"""A dialog that asks for one line of text and checks it."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.screens.dialogs.base import Dialog

MAX_LENGTH = 4000
"""Characters of the longest text."""


class AskText(Dialog[str]):
    """Answers with a text that has passed a check; it may be empty.

    Args:
        title: title of the dialog.
        explanation: the lines above the entry.
        text: initial text.
        check: returns what is wrong with a text, empty where it will do.
        hint: text of the empty entry.
    """

    DEFAULT_CSS = """
    AskText #explanation { height: auto; color: $muted; margin-bottom: 1; }
    AskText.-short #explanation { margin-bottom: 0; }
    """

    def __init__(
        self, title: str, explanation: str, text: str = "", *, check: Callable[[str], str], hint: str = ""
    ) -> None:
        super().__init__(title)
        self._explanation = explanation
        self._text = text
        self._check = check
        self._hint = hint

    def inside(self) -> list[Widget]:
        """Return the explanation and the entry."""
        entry = TextEntry(self._text, placeholder=self._hint, max_length=MAX_LENGTH)
        return [Static(Content(self._explanation), id="explanation"), entry]

    def on_mount(self) -> None:
        """Put the cursor behind the text."""
        super().on_mount()
        self.query_one(TextEntry).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.show_error("")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        problem = self._check(text)
        self.show_error(problem)
        if not problem:
            self.answer(text)
