"""A dialog that asks for a note."""

from __future__ import annotations

from textual.widget import Widget
from textual.widgets import Input

from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.screens.dialogs.base import Dialog

MAX_LENGTH = 2000
"""Characters of the longest note."""


class WriteNote(Dialog[str]):
    """Answers with the text of the note. It has no entry for a reason: a note is one."""

    def __init__(self) -> None:
        super().__init__("Note")

    def inside(self) -> list[Widget]:
        """Return the text entry."""
        return [TextEntry(placeholder="a note for this step, shown on the charts", max_length=MAX_LENGTH)]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the note; an empty one cancels."""
        event.stop()
        self.answer(event.value.strip() or None)
