"""A dialog with a question and a few answers."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.ui.screens.dialogs.base import Dialog


@dataclass(frozen=True, slots=True)
class Possible:
    """One answer.

    Attributes:
        id: result of the dialog.
        letter: key that gives the answer.
        label: text of the answer.
        meaning: its effect, in a few words.
    """

    id: str
    letter: str
    label: str
    meaning: str = ""


class Confirm(Dialog[str]):
    """Answers with the id of the answer chosen with the arrows, its letter or the mouse."""

    DEFAULT_CSS = """
    Confirm #question { height: auto; margin-bottom: 1; }
    Confirm.-short #question { margin-bottom: 0; }
    Confirm OptionList { height: auto; }
    """

    HINTS = "↑↓ choose · enter accept · esc cancel"

    def __init__(self, title: str, question: str, answers: tuple[Possible, ...]) -> None:
        super().__init__(title)
        self._question = question
        self._answers = answers

    def inside(self) -> list[Widget]:
        """Return the question and the answers, one per line."""
        options = [Option(self._line(answer), id=answer.id) for answer in self._answers]
        return [Static(Content(self._question), id="question"), OptionList(*options, markup=False, compact=True)]

    def _line(self, answer: Possible) -> Content:
        parts = [(f" {answer.letter} ", "bold $primary"), f" {answer.label}"]
        return Content.assemble(*parts, (f"  {answer.meaning}", "$muted") if answer.meaning else "")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer on enter or a click."""
        self.answer(event.option.id)

    def on_key(self, event: Key) -> None:
        """Answer on the letter of an answer."""
        for answer in self._answers:
            if event.key == answer.letter:
                event.stop()
                self.answer(answer.id)
                return
