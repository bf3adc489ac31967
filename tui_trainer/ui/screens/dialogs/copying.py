"""A dialog that copies one of a few texts to the clipboard of the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.text import cut
from tui_trainer.ui.copying.texts import Copyable
from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible

SHOWN = 60
"""Cells of a text that the dialog shows."""


class Copy(Confirm):
    """Copies the text that is chosen, and answers with what to say of it. The terminal must allow it (OSC 52).

    Args:
        copies: the texts; one letter may stand for one of them only.
    """

    DEFAULT_CSS = """
    Copy > #frame { width: 110; }
    """

    def __init__(self, copies: Sequence[Copyable]) -> None:
        possible = tuple(Possible(each.letter, each.letter, each.name, cut(each.told, SHOWN, "…")) for each in copies)
        super().__init__("Copy", "To the clipboard:", possible)
        self._copies = {each.letter: each for each in copies}

    def answer(self, answer: str | None) -> None:
        """Copy the text, and close."""
        chosen = self._copies.get(answer or "")
        if chosen is not None:
            self.app.copy_to_clipboard(chosen.text)
        super().answer(said(chosen) if chosen is not None else None)


def said(chosen: Copyable) -> str:
    """Return what to say of a text that was sent to the terminal, which gives no answer: it may refuse."""
    return f"copied, if the terminal allows it: {cut(chosen.told, 120, '…')}"
