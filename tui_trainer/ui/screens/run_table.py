"""The runs of a set side by side: how far, how good, and in what they differ."""

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
from tui_trainer.runs.comparison import differing_keys, flattened
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.runs_list import color
from tui_trainer.ui.panels.status import name_of
from tui_trainer.ui.screens.dialogs.base import Dialog

APART = frozenset(("title", "summary", "narration"))
"""Keys that tell runs apart for people and not for the training."""
WIDEST = 18
"""Cells of a column, at most."""


class RunTable(Dialog[int]):
    """A row for each run, in the order of their colours; the answer is the place of the one to bring to the front."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("r,q", "leave", show=False)]

    DEFAULT_CSS = """
    RunTable > #frame { width: 100%; height: 90%; }
    RunTable #heads { height: 1; text-wrap: nowrap; text-overflow: ellipsis; color: $muted; padding: 0; }
    RunTable OptionList { height: 1fr; }
    """

    HINTS = "↑↓ choose · enter bring to the front · esc close"

    def __init__(self, states: Sequence[RunState], front: int, signs: Icons, palette: Palette) -> None:
        super().__init__(f"{len(states)} runs side by side")
        self._states = list(states)
        self._front = front
        self._signs = signs
        self._palette = palette

    def inside(self) -> list[Widget]:
        """The heads of the columns, and the rows."""
        rows = table(self._states)
        widths = [min(max(len(row[column]) for row in rows), WIDEST) for column in range(len(rows[0]))]
        heads = Content("    " + "  ".join(_cell(text, width) for text, width in zip(rows[0], widths, strict=True)))
        options = [Option(self._line(place, row, widths), id=str(place)) for place, row in enumerate(rows[1:])]
        listed = OptionList(*options, markup=False, compact=True)
        listed.highlighted = self._front
        return [Static(heads, id="heads"), listed]

    def _line(self, place: int, row: Sequence[str], widths: Sequence[int]) -> Content:
        state = self._states[place]
        name, *rest = (_cell(text, width) for text, width in zip(row, widths, strict=True))
        return Content.assemble(
            "▸ " if place == self._front else "  ",
            (self._signs.state(state.status), STATE_STYLES.get(state.status, "")),
            " ",
            (name, color(place, self._palette)),
            "  " + "  ".join(rest),
        )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.answer(event.option_index)


def table(states: Sequence[RunState]) -> list[list[str]]:
    """The heads, then a row for each run: its name, status, epochs, best and last values, and what sets it apart."""
    flat: list[Mapping[str, Any]] = [
        flattened(state.started.config) if state.started is not None else {} for state in states
    ]
    keys = [key for key in differing_keys(flat) if key.partition(".")[0] not in APART]
    heads = ["run", "status", "epoch", "best", "train", "val", *_heads(keys)]
    rows = [
        [
            name_of(state).rsplit("/", 1)[-1],
            state.reason if state.over and state.reason != "completed" else state.status,
            f"{state.epoch}/{state.epochs}",
            f"{number(state.best.value, 3)} @ {state.best.epoch}" if state.best is not None else "-",
            number(state.metrics.get("train_loss"), 3),
            number(state.metrics.get("val_loss"), 3),
            *(_value(config.get(key)) for key in keys),
        ]
        for state, config in zip(states, flat, strict=True)
    ]
    return [heads, *rows]


def _heads(keys: Sequence[str]) -> list[str]:
    """The end of each key that says what it is: of a kind whose, and more of it where two end alike."""
    ends = [key.removesuffix(".kind").rpartition(".")[2] for key in keys]
    return [end if ends.count(end) == 1 else ".".join(key.split(".")[-2:]) for key, end in zip(keys, ends, strict=True)]


def _value(value: Any) -> str:
    if value is None:
        return "-"
    return number(value) if isinstance(value, float) else visible(str(value))


def _cell(text: str, width: int) -> str:
    return f"{text:<{width}}" if len(text) <= width else text[: width - 1] + "…"
