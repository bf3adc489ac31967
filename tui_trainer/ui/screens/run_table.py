"""The table of the runs of a set: progress, results, and the settings in which they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.protocol.describe import number
from tui_trainer.runs.comparing.flat_config import differing_keys, flattened
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cell_width, cut, padded, visible
from tui_trainer.ui.charts.context import run_colors
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.progress import variant_of
from tui_trainer.ui.panels.runs_list import color
from tui_trainer.ui.screens.dialogs.base import Dialog

TEXT_KEYS = frozenset(("title", "summary", "narration"))
"""Configuration keys that do not change the training."""
MAX_COLUMN_WIDTH = 18
"""Cells of the widest column."""


class RunTable(Dialog[int]):
    """One row per run; answers with the index of the run to select."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("r,q", "leave", show=False)]

    DEFAULT_CSS = """
    RunTable { align: center bottom; }
    RunTable > #frame { width: 100%; height: auto; max-height: 90%; }
    RunTable #headings { height: 1; text-wrap: nowrap; text-overflow: ellipsis; color: $muted; padding: 0; }
    RunTable OptionList { height: auto; max-height: 70vh; }
    RunTable.-short OptionList { max-height: 45vh; }
    """

    HINTS = "j k ↑↓ choose · / search · enter select · esc close"

    def __init__(self, states: Sequence[RunState], selected_index: int, icons: Icons, palette: Palette) -> None:
        super().__init__(f"{len(states)} runs side by side")
        self._states = list(states)
        self._selected_index = selected_index
        self._icons = icons
        self._palette = palette
        self._colors = run_colors(states)

    def inside(self) -> list[Widget]:
        """Return the column headings and the rows."""
        rows = table(self._states)
        widths = [min(max(cell_width(row[column]) for row in rows), MAX_COLUMN_WIDTH) for column in range(len(rows[0]))]
        headings = Content("    " + "  ".join(_cell(text, width) for text, width in zip(rows[0], widths, strict=True)))
        options = [Option(self._line(index, row, widths), id=str(index)) for index, row in enumerate(rows[1:])]
        listed = Picker(*options, markup=False, compact=True)
        listed.highlighted = self._selected_index
        return [Static(headings, id="headings"), listed]

    def _line(self, index: int, row: Sequence[str], widths: Sequence[int]) -> Content:
        state = self._states[index]
        name, *rest = (_cell(text, width) for text, width in zip(row, widths, strict=True))
        return Content.assemble(
            "▸ " if index == self._selected_index else "  ",
            (self._icons.state(state.status), STATE_STYLES.get(state.status, "")),
            " ",
            (name, color(self._colors[index], self._palette)),
            "  " + "  ".join(rest),
        )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.answer(event.option_index)


def table(states: Sequence[RunState]) -> list[list[str]]:
    """Return the headings and a row per run: name, status, epochs, best and last values, differing settings."""
    configs: list[Mapping[str, Any]] = [
        flattened(state.started.config) if state.started is not None else {} for state in states
    ]
    keys = [key for key in differing_keys(configs) if key.partition(".")[0] not in TEXT_KEYS]
    headings = ["run", "status", "epoch", "best", "train", "val", *_headings(keys)]
    rows = [
        [
            variant_of(state),
            state.reason if state.over and state.reason != "completed" else state.status,
            f"{state.epoch}/{state.epochs}",
            f"{number(state.best.value, 3)} @ {state.best.epoch}" if state.best is not None else "-",
            number(state.metrics.get("train_loss"), 3),
            number(state.metrics.get("val_loss"), 3),
            *(_value(config.get(key)) for key in keys),
        ]
        for state, config in zip(states, configs, strict=True)
    ]
    return [headings, *rows]


def _headings(keys: Sequence[str]) -> list[str]:
    """Return the last part of each key, without `kind`; the last two parts where two keys end alike."""
    ends = [key.removesuffix(".kind").rpartition(".")[2] for key in keys]
    return [end if ends.count(end) == 1 else ".".join(key.split(".")[-2:]) for key, end in zip(keys, ends, strict=True)]


def _value(value: Any) -> str:
    if value is None:
        return "-"
    return number(value) if isinstance(value, float) else visible(str(value))


def _cell(text: str, width: int) -> str:
    return padded(cut(text, width, "…"), width)
