"""The steer panel: every control of the run with its present value and its letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.text import padded
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.screens.dialogs.base import Dialog
from tui_trainer.ui.steering.controls import PanelRow, common_reason
from tui_trainer.ui.terminal.key_names import key_sign

REFRESH = 1.0
"""Seconds between two updates of the values."""
NARROW = 60
"""Terminal width below which the names of the sections are left out."""


class SteerPanel(Dialog[str]):
    """Answers with the id of the control that was chosen: by its letter, by enter, or by a second click.

    Args:
        title: the run, or the runs, that are steered.
        read: returns the rows as they are now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "move('cursor_down')", show=False),
        Binding("shift+tab", "move('cursor_up')", show=False),
    ]

    DEFAULT_CSS = """
    SteerPanel > #frame { width: 88; }
    SteerPanel #common { height: auto; color: $warning; }
    SteerPanel OptionList { height: auto; max-height: 100h; }
    SteerPanel.-short #frame { height: 100%; }
    SteerPanel.-short OptionList { height: 1fr; }
    SteerPanel #keys { margin-top: 0; }
    """

    HINTS = "letter or enter choose · ↑↓ tab move · esc close"

    def __init__(self, title: str, read: Callable[[], list[PanelRow]]) -> None:
        super().__init__(title)
        self._read = read
        self._rows = read()

    def inside(self) -> list[Widget]:
        """Return the reason that most rows share, and the rows."""
        listed = Picker(*self._options(), letters=False, markup=False, compact=True)
        listed.highlighted = self._first_open()
        return [Static(id="common", markup=False), listed]

    def _options(self) -> list[Option]:
        return [Option(self._line(row), id=row.id) for row in self._rows]

    def _first_open(self) -> int:
        return next((index for index, row in enumerate(self._rows) if not row.reason), 0)

    def on_mount(self) -> None:
        """Keep the values up to date."""
        super().on_mount()
        self._say_common()
        self.query_one(Picker).focus()
        self.set_interval(REFRESH, self._update)

    def on_resize(self) -> None:
        """Leave out the sections in a narrow terminal."""
        super().on_resize()
        self.set_class(self.size.height < len(self._rows) + 5, "-short")
        if self.query(Picker):
            self._update(always=True)

    def _say_common(self) -> None:
        reason = common_reason(self._rows)
        line = self.query_one("#common", Static)
        line.update(Content(f"Dimmed: {reason}." if reason else ""))
        line.display = bool(reason)

    def _update(self, *, always: bool = False) -> None:
        before, self._rows = self._rows, self._read()
        listed = self.query_one(Picker)
        if [row.id for row in before] != [row.id for row in self._rows]:  # the run has begun, or declared a control
            chosen = before[listed.highlighted].id if listed.highlighted is not None else None
            listed.set_options(self._options())
            ids = [row.id for row in self._rows]
            listed.highlighted = ids.index(chosen) if chosen in ids else self._first_open()
        else:
            for index, (old, row) in enumerate(zip(before, self._rows, strict=True)):
                if always or old != row:
                    listed.replace_option_prompt_at_index(index, self._line(row))
        if before != self._rows:
            self._say_common()

    def _line(self, row: PanelRow) -> Content:
        section = "" if self.size.width < NARROW else padded(row.section, 9)
        head, label = f" {row.letter:>5}  ", padded(row.label, 15)
        if not row.reason:
            return Content.assemble((section, "$muted"), (head, "bold $primary"), f"{label} ", (row.value, "$muted"))
        text = row.value if row.reason == common_reason(self._rows) else row.reason
        return Content.assemble((f"{section}{head}{label} {text}", "$muted 60%"))

    def action_move(self, name: str) -> None:
        """Move the highlight."""
        getattr(self.query_one(Picker), f"action_{name}")()

    def _choose(self, identity: str | None) -> None:
        row = next((row for row in self._rows if row.id == identity), None)
        if row is None:
            return
        if row.reason:
            # An enter that was typed for this control must not choose the one that was highlighted before.
            self.query_one(Picker).highlighted = self._rows.index(row)
            self.show_error(f"{row.label}: {row.reason}")
        else:
            self.answer(row.id)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose(event.option.id)

    def on_key(self, event: Key) -> None:
        """Choose by a letter."""
        sign = key_sign(event.key)
        for row in self._rows:
            if row.letter == sign:
                event.stop()
                self._choose(row.id)
                return
