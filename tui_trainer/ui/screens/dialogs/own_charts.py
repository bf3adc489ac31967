"""The list of the charts that a user composed: edit, move or remove one, or begin another."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui_trainer.text import cut, visible
from tui_trainer.ui.charts.composed.own import MAX_OWN, Charts, moved
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.screens.dialogs.base import Dialog

MAX_TITLE_CELLS = 34


class OwnCharts(Dialog[int]):
    """Answers with the index of the chart to edit, or with their number for another one.

    Args:
        charts: the charts in their order.
        changed: called with the charts after each move and removal.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("N,a", "add", show=False),
        Binding("x,delete", "remove", show=False),
        Binding("u", "undo", show=False),
        Binding("K,shift+up", "shift(-1)", show=False),
        Binding("J,shift+down", "shift(1)", show=False),
        Binding("q", "leave", show=False),
    ]

    DEFAULT_CSS = """
    OwnCharts > #frame { width: 84; }
    OwnCharts OptionList { height: auto; max-height: 60vh; }
    """

    HINTS = "enter edit · a another · J K move · x remove · u undo · esc close"

    def __init__(self, charts: Charts, changed: Callable[[Charts], None]) -> None:
        super().__init__("Your charts")
        self._charts = charts
        self._changed = changed
        self._before: list[Charts] = []

    def inside(self) -> list[Widget]:
        """Return the list."""
        return [Picker(search=False, markup=False, compact=True)]

    def on_mount(self) -> None:
        """List the charts."""
        super().on_mount()
        self._list(0)
        self.query_one(Picker).focus()

    def _list(self, highlighted: int) -> None:
        options = self.query_one(Picker)
        options.clear_options()
        options.add_options([Option(self._line(index), id=str(index)) for index in range(len(self._charts))])
        if not self._charts:
            options.add_option(Option(Content.styled("no chart is left; a begins another", "$muted"), disabled=True))
        options.highlighted = min(highlighted, len(self._charts) - 1) if self._charts else None

    def _line(self, index: int) -> Content:
        chart = self._charts[index]
        title = cut(visible(chart.title), MAX_TITLE_CELLS, "…")
        return Content.assemble(f"{title:<{MAX_TITLE_CELLS}} ", (visible(", ".join(chart.series)), "$muted"))

    @property
    def _index(self) -> int | None:
        return self.query_one(Picker).highlighted if self._charts else None

    def _change(self, charts: Charts, highlighted: int) -> None:
        self._charts = charts
        self._list(highlighted)
        self._changed(charts)

    def action_add(self) -> None:
        """Begin another chart."""
        if len(self._charts) >= MAX_OWN:
            self.show_error(f"a project has up to {MAX_OWN} charts; remove one with x")
        else:
            self.answer(len(self._charts))

    def action_remove(self) -> None:
        """Remove the highlighted chart."""
        index = self._index
        if index is not None:
            self._before.append(self._charts)
            self._change(self._charts[:index] + self._charts[index + 1 :], index)

    def action_undo(self) -> None:
        """Bring the chart that was removed last back."""
        if self._before:
            self._change(self._before.pop(), self._index or 0)

    def action_shift(self, by: int) -> None:
        """Move the highlighted chart up or down."""
        index = self._index
        if index is not None and 0 <= index + by < len(self._charts):
            self._before.append(self._charts)
            self._change(moved(self._charts, index, by), index + by)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id is not None:
            self.answer(int(event.option.id))
