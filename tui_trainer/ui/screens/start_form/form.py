"""The form: four parts of the configuration beside their fields, free KEY=VALUE, and the coming rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError
from tui_trainer.text import cut, visible
from tui_trainer.ui.forms.changes import Check, section_changes, split_changes
from tui_trainer.ui.forms.choice import Choice
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.form import Form
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.render.preview_widget import Preview
from tui_trainer.ui.screens.dialogs.base import Dialog
from tui_trainer.ui.screens.start_form.parts import PARTS, kinds_of, started_with
from tui_trainer.ui.screens.start_form.rate import draw_over, plan_of

NOW, QUEUE = "start now", "add to the queue"
"""The ways a training can begin: now, or in the queue."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The answer of the form.

    Attributes:
        changes: KEY=VALUE, as on the command line.
        queue: whether the training waits in the queue.
    """

    changes: tuple[str, ...]
    queue: bool = False


class StartForm(Dialog[Chosen]):
    """Answers with the changes, once the whole configuration is valid with them.

    Args:
        title: title of the dialog.
        base: the configuration without changes; of a set that of its first run.
        check: validates the configuration with changes, as the command line does, and returns that of the first run.
        note: a line above the fields, such as the number of runs that a change is for.
        queue: whether the training can be added to the queue.
        proposed: KEY=VALUE to begin with.
        typing: whether the entry for KEY=VALUE has the focus at first, and a change is required.
    """

    DEFAULT_CSS = """
    StartForm > #frame { width: 96; height: 100%; max-height: 40; }
    StartForm .row { height: 1; }
    StartForm .name { width: 12; color: $muted; }
    StartForm #free { width: 1fr; }
    StartForm #note { height: 1; color: $muted; }
    StartForm #sides { height: 1fr; min-height: 4; margin-top: 1; }
    StartForm Picker { width: 14; height: 1fr; }
    StartForm #side { width: 1fr; padding-left: 1; }
    StartForm #kind-row { height: 1; }
    StartForm #kind-row .name { width: 18; }
    StartForm #kind { width: 30; }
    StartForm #then { width: 26; }
    StartForm #change { height: auto; max-height: 2; }
    StartForm Preview { height: 11; }
    StartForm.-low Preview { height: 8; }
    StartForm.-small Preview { display: none; }
    StartForm.-small #sides { margin-top: 0; }
    StartForm.-thin Picker { width: 11; }
    StartForm.-thin .name, StartForm.-thin #kind-row .name { width: 12; }
    StartForm.-thin Form TextEntry, StartForm.-thin Form Choice, StartForm.-thin #kind { width: 1fr; }
    StartForm.-thin .bounds { display: none; }
    StartForm.-small #note { display: none; }
    StartForm.-small #change { max-height: 1; }
    """

    HINTS = "↑↓ part · tab fields · ←→ choose · enter start · esc cancel"

    def __init__(
        self,
        title: str,
        base: RunConfig,
        check: Check,
        *,
        note: str = "",
        queue: bool = False,
        proposed: str = "",
        typing: bool = False,
    ) -> None:
        super().__init__(visible(title))
        self._check = check
        self._base = base
        self._note = note
        self._queue = queue
        self._proposed = proposed
        self._typing = typing
        self._part = PARTS[0].key
        self._chosen: dict[str, BaseModel] = {}
        """The value of each part that was edited and is valid."""
        self._kinds: dict[tuple[str, str], BaseModel] = {}
        """The last valid value of each kind."""
        self._wrong: dict[str, str] = {}
        """The error of each part that is not valid."""

    def inside(self) -> list[Widget]:
        """Return the entry for KEY=VALUE, the parts beside their fields, the change and the coming rate."""
        free = TextEntry(
            self._proposed, placeholder="KEY=VALUE ..., such as training.seed=1", max_length=2000, id="free"
        )
        parts = Picker(*(Option(Content(f" {part.name}"), id=part.key) for part in PARTS), search=False, markup=False)
        kind = Horizontal(Static(Content("kind"), classes="name"), Choice((), "", id="kind"), id="kind-row")
        part = getattr(self._base, self._part)
        side = Vertical(kind, Form(type(part), part), id="side")
        widgets: list[Widget] = [
            Horizontal(Static(Content("settings"), classes="name"), free, classes="row"),
            *([Static(Content(self._note), id="note")] if self._note else []),
            Horizontal(parts, side, id="sides"),
        ]
        if self._queue:
            then = Choice((NOW, QUEUE), NOW, id="then")
            widgets.append(Horizontal(Static(Content("enter"), classes="name"), then, classes="row"))
        return [*widgets, Static(id="change", markup=False), Preview(draw_over(self._base))]

    def on_mount(self) -> None:
        """Show the first part."""
        super().on_mount()
        self.query_one("#error").display = False
        parts = self.query_one(Picker)
        parts.highlighted = 0
        (self.query_one("#free", TextEntry) if self._typing else parts).focus()
        self._show_kind()
        self._review()

    def on_resize(self) -> None:
        """Hide the chart and the margins in a low terminal, and the bounds in a narrow one."""
        super().on_resize()
        self.set_class(self.size.height < 32, "-low")
        self.set_class(self.size.height < 22, "-small")
        self.set_class(self.size.width < 60, "-thin")

    # The parts.

    def _value(self, key: str) -> BaseModel:
        return self._chosen.get(key) or getattr(self._base, key)

    def _show_kind(self) -> None:
        """Show the kinds of the part, where it has some."""
        value = self._value(self._part)
        kinds = kinds_of(self._part, value)
        self.query_one("#kind-row").display = bool(kinds)
        choice = self.query_one("#kind", Choice)
        choice.options = tuple(kinds)
        choice.value = getattr(value, "kind", "")

    @on(OptionList.OptionHighlighted)
    async def _part_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        key = event.option.id or ""
        if key == self._part or not key:
            return
        self._part = key
        value = self._value(key)
        self._show_kind()
        await self.query_one(Form).show(type(value), value)

    @on(OptionList.OptionSelected)
    def _part_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.accept()

    @on(Choice.Changed, "#kind")
    async def _kind_changed(self, event: Choice.Changed) -> None:
        event.stop()
        old = self._value(self._part)
        if event.value in ("", getattr(old, "kind", "")):
            return
        model = kinds_of(self._part, old)[event.value]
        value = self._kinds.get((self._part, event.value)) or started_with(self._part, model, self._check)
        if value is not None:
            self._chosen[self._part] = value
        await self.query_one(Form).show(model, value)

    @on(Form.Changed)
    def _form_changed(self, event: Form.Changed) -> None:
        event.stop()
        filled = event.filled
        present = self._value(self._part)
        allowed = tuple(kinds_of(self._part, present).values()) or (type(present),)
        if isinstance(filled.model, allowed):
            self._wrong.pop(self._part, None)
            self._chosen[self._part] = filled.model
            self._kinds[self._part, getattr(filled.model, "kind", "")] = filled.model
        elif filled.errors:
            name, error = next(iter(filled.errors.items()))
            self._wrong[self._part] = f"{self._part}.{name}: {error}" if name else error
        self._review()

    @on(Input.Changed, "#free")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._review()

    @on(Choice.Changed, "#then")
    def _then_changed(self, event: Choice.Changed) -> None:
        event.stop()

    # The whole.

    def changes(self) -> tuple[str, ...]:
        """Return all changes.

        Raises:
            ValueError: a field is wrong, or a setting cannot be written as KEY=VALUE.
        """
        for error in self._wrong.values():
            raise ValueError(error)
        found: list[str] = []
        for key, value in self._chosen.items():
            found += section_changes(key, getattr(self._base, key), value, self._check)
        return (*found, *split_changes(self.query_one("#free", TextEntry).value))

    def _checked(self) -> tuple[tuple[str, ...], RunConfig] | None:
        """Return the changes and the configuration with them; show the error and return None where it is not valid."""
        try:
            changes = self.changes()
            config = self._check(changes)
        except (UserError, ValueError) as error:
            self.show_error(visible(str(error).removeprefix("command line: ")))
            return None
        self.show_error("")
        return changes, config

    def _review(self) -> None:
        """Show the changes and the coming rate."""
        checked = self._checked()
        line = self.query_one("#change", Static)
        if checked is None:
            line.update(Content(""))
            return
        changes, config = checked
        text = " ".join(changes) if changes else "nothing changed yet"
        line.update(
            Content.assemble(("changes      ", "$muted"), cut(visible(text), 2 * max(self.size.width - 20, 20), "…"))
        )
        for preview in self.query(Preview):
            preview.show(_plan(config))

    @on(Input.Submitted, "#free")
    @on(Choice.Submitted)
    @on(Form.Submitted)
    def _submitted(self, event: Any) -> None:
        event.stop()
        self.accept()

    def accept(self) -> None:
        """Answer with the changes, where the configuration is valid with them."""
        checked = self._checked()
        if checked is None:
            return
        if self._typing and not checked[0]:
            self.show_error("nothing differs yet: enter KEY=VALUE, such as training.seed=1, or change a field")
            return
        queued = [choice.value for choice in self.query("#then").results(Choice)] == [QUEUE]
        self.answer(Chosen(checked[0], queued))


def _plan(config: RunConfig) -> Any:
    try:
        return plan_of(config)
    except (ArithmeticError, ValueError):
        return None


def check_of(table: dict[str, Any], name: str, source: str) -> tuple[RunConfig, Check]:
    """Return the configuration of a table's first run, and a function that checks changes as the command line does.

    Raises:
        UserError: the table is not valid.
    """
    from tui_trainer.config.preset import build
    from tui_trainer.config.trust import check_trust
    from tui_trainer.config.unused_settings import refuse_unused

    def check(changes: Sequence[str]) -> RunConfig:
        preset = build(table, name=name, source=source, overrides=changes)
        check_trust(preset.runs.values(), preset.source, trust=False)
        for config in preset.runs.values():
            refuse_unused(config, preset.source)
        return preset.first

    return build(table, name=name, source=source).first, check
