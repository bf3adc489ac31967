"""A dialog with a question and a few answers."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.screens.dialogs.reviewed import Reviewed


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


class Confirm(Reviewed[str]):
    """Answers with the id of the answer chosen with the arrows, its letter or the mouse.

    Args:
        title: title of the dialog.
        question: what is asked.
        answers: the answers, the first one highlighted.
        highlighted: id of another answer to highlight.
        reason: whether the dialog asks for a reason.
    """

    DEFAULT_CSS = """
    Confirm > #frame { width: 78; }
    Confirm #question { height: auto; margin-bottom: 1; }
    Confirm.-short #question { margin-bottom: 0; }
    Confirm OptionList { height: auto; text-wrap: wrap; }
    Confirm.-short OptionList { max-height: 45vh; }
    """

    HINTS = "↑↓ choose · enter accept · esc cancel"

    def __init__(
        self, title: str, question: str, answers: tuple[Possible, ...], highlighted: str = "", *, reason: bool = False
    ) -> None:
        super().__init__(title)
        self._reason = reason
        self._highlighted = highlighted
        self._question = question
        self._answers = answers

    def inside(self) -> list[Widget]:
        """Return the question and the answers, one per line."""
        options = [Option(self._line(answer), id=answer.id) for answer in self._answers]
        listed = Picker(*options, search=False, markup=False, compact=True)
        ids = [answer.id for answer in self._answers]
        listed.highlighted = ids.index(self._highlighted) if self._highlighted in ids else 0
        reason = self.review_widgets() if self._reason else []
        return [Static(Content(self._question), id="question"), listed, *reason]

    def on_mount(self) -> None:
        """Focus the answers."""
        super().on_mount()
        self.query_one(Picker).focus()

    def accept(self) -> None:
        """Give the highlighted answer."""
        self.query_one(Picker).action_select()

    def _line(self, answer: Possible) -> Content:
        parts = [(f" {answer.letter} ", "bold $primary"), f" {answer.label}"]
        return Content.assemble(*parts, (f"  {answer.meaning}", "$muted") if answer.meaning else "")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer on enter or a second click."""
        self.answer(event.option.id)

    def on_key(self, event: Key) -> None:
        """Answer on the letter of an answer."""
        for answer in self._answers:
            if event.key == answer.letter:
                event.stop()
                self.answer(answer.id)
                return
