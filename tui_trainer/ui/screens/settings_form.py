"""The settings screen: each setting with its value, its source and its help; enter saves them to the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel
from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from tui_trainer.errors import UserError
from tui_trainer.text import visible
from tui_trainer.ui.forms.form import Form
from tui_trainer.ui.forms.model_fields import FieldSpec
from tui_trainer.ui.preferences.settings_file import Value, read_table, save
from tui_trainer.ui.preferences.settings_model import ACT_AT_ONCE, setting_specs, settings_model, sources_of
from tui_trainer.ui.screens.dialogs.base import Dialog
from tui_trainer.ui.settings import Settings


class SettingsForm(Form):
    """The fields of the settings, each with the source of its value."""

    def __init__(self, value: BaseModel, used: Settings, path: Path | None) -> None:
        super().__init__(type(value), value)
        name = path.name if path is not None else "the file"
        self._sources = sources_of(used, read_table(path), name)

    def described(self) -> tuple[FieldSpec, ...]:
        """Return the settings in their order."""
        return setting_specs(self._model, self._sources)


class SettingsScreen(Dialog[str]):
    """Shows and saves the settings; answers with what was saved, in one line.

    Args:
        used: the settings in force.
        path: the settings file; None for a user without a home.
    """

    DEFAULT_CSS = """
    SettingsScreen > #frame { width: 92; height: auto; }
    SettingsScreen Form { height: auto; }
    SettingsScreen Form > VerticalScroll { height: auto; max-height: 60vh; }
    SettingsScreen .about { height: auto; color: $muted; }
    """

    HINTS = "↑↓ tab field · ←→ choose · enter save · esc close"

    class Saved(Message):
        """The settings were saved."""

        def __init__(self, settings: Settings, changed: tuple[str, ...]) -> None:
            super().__init__()
            self.settings = settings
            self.changed = changed

    def __init__(self, used: Settings, path: Path | None) -> None:
        super().__init__("Settings")
        self._used = used
        self._path = path
        self._model = settings_model()
        values = {name: getattr(used, name) for name in self._model.model_fields}
        self._value = self._model.model_validate(values)

    def inside(self) -> list[Widget]:
        """Return the form, and the name of the file."""
        path = visible(str(self._path)) if self._path is not None else "this user has no home folder"
        return [
            SettingsForm(self._value, self._used, self._path),
            Static(Content(f"file: {path}"), classes="about"),
            Static(Content("keys: edit the table [keys] of the file; the help screen lists the ids"), classes="about"),
        ]

    def on_mount(self) -> None:
        """Focus the first setting."""
        super().on_mount()
        self.query_one(SettingsForm).focus_first()

    @on(Form.Changed)
    def _changed(self, event: Form.Changed) -> None:
        event.stop()
        self.show_error(event.filled.errors.get("", ""))

    @on(Form.Submitted)
    def _submitted(self, event: Form.Submitted) -> None:
        event.stop()
        filled = self.query_one(SettingsForm).filled
        if filled.model is None:
            name, error = next(iter(filled.errors.items()))
            self.show_error(f"{name}: {error}" if name else error)
            return
        changes = {name: value for name, value in filled.model if value != getattr(self._value, name)}
        if not changes:
            self.answer("nothing changed")
            return
        if self._path is None:
            self.show_error("nothing can be saved: this user has no home folder")
            return
        self._save(self._path, changes)

    def _save(self, path: Path, changes: dict[str, Value]) -> None:
        try:
            saved = save(path, changes)
        except UserError as error:
            self.show_error(visible(str(error)))
            return
        # A value of the command line stays in force beside those that were saved.
        settings = replace(self._used, **{name: getattr(saved, name) for name in changes})
        self.app.post_message(self.Saved(settings, tuple(changes)))
        later = [name for name in changes if name not in ACT_AT_ONCE]
        note = f"; {', '.join(later)}: from the next start on" if later else ""
        self.answer(f"saved {', '.join(changes)}{note}")
