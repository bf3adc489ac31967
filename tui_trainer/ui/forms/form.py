"""A form for any pydantic model: one line per field, with its bounds or its error, and a line of help."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_trainer.ui.forms.choice import Choice
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.model_fields import FieldSpec, Filled, read, specs, written

WIDE = 64
"""Width from which on names have more room."""


class Form(Widget):
    """The fields of one model class; `show` switches to another class."""

    DEFAULT_CSS = """
    Form { height: 1fr; width: 1fr; }
    Form > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    Form .row { height: 1; }
    Form .name { width: 18; color: $muted; }
    Form.-wide .name { width: 24; }
    Form .bounds { width: 1fr; padding-left: 1; color: $muted; }
    Form .bounds.-wrong { color: $error; }
    Form TextEntry, Form Choice { width: 22; }
    Form #help { height: auto; max-height: 2; color: $muted; }
    """

    class Changed(Message):
        """A field changed; carries the model, or the errors."""

        def __init__(self, form: Form, filled: Filled[Any]) -> None:
            super().__init__()
            self.form = form
            self.filled = filled

    class Submitted(Message):
        """Enter was pressed in a field."""

    def __init__(self, model: type[BaseModel], value: BaseModel | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._model = model
        self._value = value
        self._texts: dict[str, str] = {}
        self._specs: tuple[FieldSpec, ...] = ()

    def compose(self) -> ComposeResult:
        """Yield the rows, and the help of the field that has the focus."""
        yield VerticalScroll(*self._rows(), can_focus=False)
        yield Static(id="help", markup=False)

    def on_resize(self) -> None:
        """Show long names whole where there is room."""
        self.set_class(self.size.width >= WIDE, "-wide")

    def _rows(self) -> list[Widget]:
        self._specs = self.described()
        texts = {name: written(value) for name, value in self._value} if self._value is not None else {}
        self._texts = {spec.name: texts.get(spec.name, spec.default) for spec in self._specs}
        return [self._row(spec) for spec in self._specs]

    def _row(self, spec: FieldSpec) -> Widget:
        text = self._texts[spec.name]
        field: Widget
        if spec.options:
            field = Choice((*(("",) if spec.optional else ()), *spec.options), text, id=f"field-{spec.name}")
        else:
            field = TextEntry(text, placeholder="none" if spec.optional else "", id=f"field-{spec.name}")
        bounds = Static(Content(spec.bounds), id=f"bounds-{spec.name}", classes="bounds")
        return Horizontal(Static(Content(spec.name), classes="name"), field, bounds, classes="row")

    def described(self) -> tuple[FieldSpec, ...]:
        """Return the fields in their order."""
        return specs(self._model, value=self._value)

    async def show(self, model: type[BaseModel], value: BaseModel | None = None) -> None:
        """Show the fields of another class, or another value of the same."""
        self._model, self._value = model, value
        rows = self.query_one(VerticalScroll)
        await rows.remove_children()
        await rows.mount_all(self._rows())
        self.query_one("#help", Static).update(Content(""))
        self._update_errors()

    @property
    def filled(self) -> Filled[Any]:
        """The model that the form describes now, or its errors."""
        return read(self._model, self._texts)

    def focus_first(self) -> None:
        """Focus the first field, where there is one."""
        if self._specs:
            self.query_one(f"#field-{self._specs[0].name}").focus()

    @on(Input.Changed)
    def _text_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._set(event.input.id, event.value)

    @on(Choice.Changed)
    def _choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        self._set(event.choice.id, event.value)

    @on(Input.Submitted)
    @on(Choice.Submitted)
    def _field_submitted(self, event: Input.Submitted | Choice.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Show the help of the field."""
        name = (event.widget.id or "").removeprefix("field-")
        text = next((spec.help for spec in self._specs if spec.name == name), "")
        self.query_one("#help", Static).update(Content(text))

    def _set(self, identity: str | None, text: str) -> None:
        name = (identity or "").removeprefix("field-")
        # A message of a field that has been removed may still arrive.
        if name in self._texts and self._texts[name] != text:
            self._texts[name] = text
            self._update_errors()

    def _update_errors(self) -> None:
        filled = self.filled
        for spec in self._specs:
            error = filled.errors.get(spec.name)
            for bounds in self.query(f"#bounds-{spec.name}").results(Static):
                bounds.set_class(error is not None, "-wrong")
                bounds.update(Content(f"! {error}" if error is not None else spec.bounds))
            for entry in self.query(f"#field-{spec.name}").results(TextEntry):
                entry.set_class(error is not None, "-wrong")
        self.post_message(self.Changed(self, filled))
