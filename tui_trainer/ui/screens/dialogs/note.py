"""A line of one's own, to be drawn on the charts."""

from __future__ import annotations

from textual.widget import Widget
from textual.widgets import Input

from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.screens.dialogs.base import Dialog

LONGEST = 2000


class WriteNote(Dialog[str]):
    """Answers with the text of the note."""

    def __init__(self) -> None:
        super().__init__("Note on the charts")

    def inside(self) -> list[Widget]:
        """The line."""
        return [TextEntry(placeholder="what you want to remember about this moment", max_length=LONGEST)]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """An empty note is no note."""
        event.stop()
        self.answer(event.value.strip() or None)
