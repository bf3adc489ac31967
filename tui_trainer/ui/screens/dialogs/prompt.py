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
from tui_trainer.ui.screens.dialogs.base import Dialog

Value = TypeVar("Value")


class Prompt(Dialog[Value], Generic[Value]):
    """Answers with the value that `parse` makes of the text.

    Args:
        title: title of the dialog.
        explanation: one sentence above the text entry.
        text: initial text.
        parse: parses the text; raises `ValueError` with a message for the user.
        plan: learning rate plan that a value leads to, for the preview.
        draw: draws the preview; None for no preview.
    """

    DEFAULT_CSS = """
    Prompt #explanation { height: auto; color: $muted; }
    Prompt.-drawing > #frame { width: 84; }
    Prompt Preview { height: 14; max-height: 60vh; margin-top: 1; }
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
    ) -> None:
        super().__init__(title)
        self._explanation = explanation
        self._text = text
        self._parse = parse
        self._plan = plan
        self._draw = draw
        self.set_class(draw is not None, "-drawing")

    def inside(self) -> list[Widget]:
        """Return the explanation, the text entry and the preview."""
        widgets: list[Widget] = [Static(Content(self._explanation), id="explanation"), TextEntry(self._text)]
        return widgets if self._draw is None else [*widgets, Preview(self._draw)]

    def on_mount(self) -> None:
        """Select the initial text, so that typing replaces it."""
        super().on_mount()
        entry = self.query_one(TextEntry)
        entry.focus()
        entry.select_all()
        self._show(self._text)

    def _value(self, text: str) -> Value | None:
        try:
            value = self._parse(text)
        except ValueError as error:
            self.show_error(str(error))
            return None
        self.show_error("")
        return value

    def _show(self, text: str) -> None:
        value = self._value(text)
        for preview in self.query(Preview):
            preview.show(considered(self._plan, value))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        value = self._value(event.value)
        if value is not None:
            self.answer(value)
