"""One thing to type, with what would come of it."""

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

Wish = TypeVar("Wish")


class Prompt(Dialog[Wish], Generic[Wish]):
    """Asks for one value; answers with what `read` made of it. A `plan` of it is drawn as it is typed."""

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
        read: Callable[[str], Wish],
        plan: Callable[[Wish], LrPlan | None] | None = None,
        draw: Draw | None = None,
    ) -> None:
        super().__init__(title)
        self._explanation = explanation
        self._text = text
        self._read = read
        self._plan = plan
        self._draw = draw
        self.set_class(draw is not None, "-drawing")

    def inside(self) -> list[Widget]:
        """The line, what it means, and the coming rate."""
        widgets: list[Widget] = [Static(Content(self._explanation), id="explanation"), TextEntry(self._text)]
        return widgets if self._draw is None else [*widgets, Preview(self._draw)]

    def on_mount(self) -> None:
        """The value in force is there to be typed over."""
        super().on_mount()
        entry = self.query_one(TextEntry)
        entry.focus()
        entry.select_all()
        self._show(self._text)

    def _wish(self, text: str) -> Wish | None:
        try:
            wish = self._read(text)
        except ValueError as error:
            self.problem(str(error))
            return None
        self.problem("")
        return wish

    def _show(self, text: str) -> None:
        wish = self._wish(text)
        for preview in self.query(Preview):
            preview.show(considered(self._plan, wish))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        wish = self._wish(event.value)
        if wish is not None:
            self.answer(wish)
