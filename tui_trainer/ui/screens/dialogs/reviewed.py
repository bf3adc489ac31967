"""The base class of forms that steer: they show the difference before it acts, and ask once about what could hurt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.screens.dialogs.base import Dialog
from tui_trainer.ui.steering.review import NOTHING, Review

Value = TypeVar("Value")
MAX_REASON = 500
"""Characters of the longest reason."""


class Reviewed(Dialog[Value], Generic[Value]):
    """A form with a line for the difference to what is in force, and an entry for the reason.

    It answers None where nothing would change, with `unchanged` set. Where the review has a question, the first enter
    shows it and the second answers.

    Args:
        title: title of the dialog.
        review: reviews a value; None for a dialog whose answers all act.
    """

    DEFAULT_CSS = """
    Reviewed #change { height: auto; max-height: 3; margin-top: 1; color: $foreground; }
    Reviewed #change.-question { color: $warning; text-style: bold; }
    Reviewed.-short #change { margin-top: 0; }
    Reviewed #reason { height: 1; }
    Reviewed #reason Static { width: 9; color: $muted; }
    Reviewed #reason TextEntry { width: 1fr; }
    """

    def __init__(self, title: str, review: Callable[[Value], Review] | None = None) -> None:
        super().__init__(title)
        self._review = review
        self._asked: Value | None = None
        """The value that was asked about last: the question itself changes with the rate of a run that trains."""
        self.because = ""
        """The reason that was given; empty without one."""
        self.unchanged = False
        """Whether the form was accepted without a change."""

    def review_widgets(self) -> list[Widget]:
        """Return the line for the difference, where there is a review, and the entry for the reason."""
        entry = TextEntry(placeholder="optional: why", max_length=MAX_REASON, id="because")
        reason = Horizontal(Static(Content("because")), entry, id="reason")
        change: list[Widget] = [Static(id="change", markup=False)] if self._review is not None else []
        return [*change, reason]

    def reviewed(self, value: Value | None) -> Review:
        """Review a value, and show the difference or the error; a value of None clears both."""
        self._asked = None
        if self._review is None or value is None:
            self._show_change("")
            return NOTHING
        review = self._review(value)
        if review.error:
            self.show_error(review.error)
        self._show_change("" if review.error else review.change or "nothing changed yet")
        return review

    def _show_change(self, text: str, *, question: bool = False) -> None:
        for line in self.query("#change").results(Static):
            line.update(Content(text))
            line.display = bool(text)
            line.set_class(question, "-question")

    def submit(self, value: Value) -> None:
        """Answer with a value: not where the trainer would refuse it, and only once asked where it could hurt."""
        if self._review is None:
            self.answer(value)
            return
        review, asked = self._review(value), self._asked
        if review.error:
            self.show_error(review.error)
        elif not review.change:
            self.unchanged = True
            self.answer(None)
        elif review.question and asked != value:
            self._asked = value
            self._show_change(f"{review.change}. That is {review.question}. Enter again to do it.", question=True)
        else:
            self.answer(value)

    def accept(self) -> None:
        """Accept what the form holds."""
        raise NotImplementedError

    @on(Input.Changed, "#because")
    def _reason_typed(self, event: Input.Changed) -> None:
        event.stop()
        self.because = event.value.strip()

    @on(Input.Submitted, "#because")
    def _reason_entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.accept()
