"""A dialog that asks for one value, with an optional preview of the learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.render.preview_widget import Draw, Preview, considered
from tui_trainer.ui.screens.dialogs.reviewed import Reviewed
from tui_trainer.ui.steering.review import Review

Value = TypeVar("Value")


class Prompt(Reviewed[Value], Generic[Value]):
    """Answers with the value that `parse` makes of the text.

    Args:
        title: title of the dialog.
        explanation: one sentence above the text entry.
        text: initial text.
        parse: parses the text; raises `ValueError` with a message for the user.
        plan: learning rate plan that a value leads to, for the preview.
        draw: draws the preview; None for no preview.
        review: reviews a value before it acts; None where every value acts.
        reason: whether the dialog asks for a reason.
        proposed: text that stands in the entry in place of the initial one.
        placeholder: what an empty entry shows.
    """

    DEFAULT_CSS = """
    Prompt #explanation { height: auto; color: $muted; }
    Prompt.-drawing > #frame { width: 84; }
    Prompt Preview { height: 14; max-height: 50vh; margin-top: 1; }
    Prompt.-short Preview { display: none; }
    """

    def __init__(
        self,
        title: str,
        explanation: str,
        text: str,
        parse: Callable[[str], Value],
        plan: Callable[[Value], LrPlan | None] | None = None,
        draw: Draw | None = None,
        review: Callable[[Value], Review] | None = None,
        *,
        reason: bool = True,
        proposed: str = "",
        placeholder: str = "",
    ) -> None:
        super().__init__(title, review)
        self._proposed = proposed
        self._placeholder = placeholder
        self._reason = reason
        self._explanation = explanation
        self._text = text
        self._parse = parse
        self._plan = plan
        self._draw = draw
        self.set_class(draw is not None, "-drawing")

    def inside(self) -> list[Widget]:
        """Return the explanation, the text entry and the preview."""
        entry = TextEntry(self._proposed or self._text, placeholder=self._placeholder, id="value")
        widgets: list[Widget] = [Static(Content(self._explanation), id="explanation"), entry]
        if self._reason or self._review is not None:
            widgets += self.review_widgets()
        return widgets if self._draw is None else [*widgets, Preview(self._draw)]

    def on_mount(self) -> None:
        """Select the initial text, so that typing replaces it."""
        super().on_mount()
        entry = self.query_one("#value", TextEntry)
        entry.focus()
        entry.select_all()
        self._show(entry.value)

    def _value(self, text: str) -> Value | None:
        try:
            value = self._parse(text)
        except ValueError as error:
            self.show_error(str(error))
            return None
        self.show_error("")
        return value

    def _untouched(self, text: str) -> bool:
        """Return whether the initial text stands there, which may be a number in fewer digits."""
        return self._review is not None and text.strip() == self._text.strip()

    def _show(self, text: str) -> None:
        value = self._value(text)
        self.reviewed(None if self._untouched(text) else value)
        for preview in self.query(Preview):
            preview.show(considered(self._plan, value))

    @on(Input.Changed, "#value")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    @on(Input.Submitted, "#value")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.accept()

    def accept(self) -> None:
        """Answer with the value, where the text is one."""
        text = self.query_one("#value", TextEntry).value
        if self._untouched(text):
            self.unchanged = True
            self.answer(None)
            return
        value = self._value(text)
        if value is not None:
            self.submit(value)
