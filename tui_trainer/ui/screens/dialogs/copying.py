"""A dialog that copies one of a few texts to the clipboard."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.text import cut
from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible


class Copy(Confirm):
    """Copies the text that is chosen, and answers with it. The terminal must allow it (OSC 52).

    Args:
        copies: letter, name and text of each thing that can be copied.
    """

    def __init__(self, copies: Sequence[tuple[str, str, str]]) -> None:
        possible = tuple(Possible(text, letter, name, cut(text, 200, "…")) for letter, name, text in copies)
        super().__init__("Copy", "To the clipboard:", possible)

    def answer(self, answer: str | None) -> None:
        """Copy the text, and close."""
        if answer is not None:
            self.app.copy_to_clipboard(answer)
        super().answer(answer)
