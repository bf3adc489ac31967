"""The table of the runs of a set: progress, results, and the settings in which they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.protocol.describe import number
from tui_trainer.runs.comparing.flat_config import flattened
from tui_trainer.runs.comparing.settings import settings_that_differ
from tui_trainer.runs.keeping.kept import Kept
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cell_width, cut, padded
from tui_trainer.ui.charts.context import run_colors
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.progress import shown_variant
from tui_trainer.ui.panels.runs_list import color
from tui_trainer.ui.screens.dialogs.base import Dialog

MAX_COLUMN_WIDTH = 18
"""Cells of the widest column."""


class Keeper(Protocol):
    """Renames, tags and deletes the runs of the table."""

    def kept(self, state: RunState) -> Kept:
        """Return the name, tags and note of a run."""
        ...

    def is_gone(self, state: RunState) -> bool:
        """Return whether a run was deleted."""
        ...

    def keep(self, state: RunState, say: Callable[[str, bool], None], changed: Callable[[], None]) -> None:
        """Ask what to do with a run; `say` shows what was done, `changed` is called after it."""
        ...


class RunTable(Dialog[int]):
    """One row per run; answers with the index of the run to select."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,q", "leave", show=False),
        Binding("y", "copy", show=False),
        Binding("K", "keep", show=False),
    ]

    DEFAULT_CSS = """
    RunTable { align: center bottom; }
    RunTable > #frame { width: 100%; height: auto; max-height: 90%; }
    RunTable #headings { height: 1; text-wrap: nowrap; text-overflow: ellipsis; color: $muted; padding: 0; }
    RunTable OptionList { height: auto; max-height: 70vh; }
    RunTable.-short OptionList { max-height: 45vh; }
    """

    HINTS = "j k ↑↓ choose · / search · y copy · K keep · enter select · esc close"

    keeper: Keeper | None = None
    """Renames, tags and deletes runs; None where that is not possible."""

    def __init__(self, states: Sequence[RunState], selected_index: int, icons: Icons, palette: Palette) -> None:
        super().__init__(_title(len(states)))
        self._states = list(states)
        self._selected_index = selected_index
        self._icons = icons
        self._palette = palette
        self._colors = run_colors(states)
        self._shown = list(range(len(states)))
        """Positions of the runs that the table shows: those that were not deleted."""

    def inside(self) -> list[Widget]:
        """Return the column headings and the rows."""
        headings, options = self._lines()
        listed = Picker(*options, markup=False, compact=True)
        listed.highlighted = self._row(self._selected_index)
        return [Static(headings, id="headings"), listed]

    def _lines(self) -> tuple[Content, list[Option]]:
        """Return the column headings, and a line for each run."""
        keeper = self.keeper
        if keeper is not None:
            self._shown = [index for index in self._shown if not keeper.is_gone(self._states[index])]
        states = [self._states[index] for index in self._shown]
        rows = table(states)
        if keeper is not None:
            rows = _with_kept(rows, [keeper.kept(state) for state in states])
        widths = [min(max(cell_width(row[column]) for row in rows), MAX_COLUMN_WIDTH) for column in range(len(rows[0]))]
        headings = Content("    " + "  ".join(_cell(text, width) for text, width in zip(rows[0], widths, strict=True)))
        lines = [self._line(index, row, widths) for index, row in zip(self._shown, rows[1:], strict=True)]
        return headings, [Option(line, id=str(index)) for index, line in zip(self._shown, lines, strict=True)]

    def _refresh(self) -> None:
        """Write the lines again, after a run was renamed, tagged or deleted."""
        headings, options = self._lines()
        if not options:
            self.action_leave()
            return
        self.query_one("#headings", Static).update(headings)
        listed = self.query_one(Picker)
        highlighted = listed.highlighted
        listed.set_options(options)
        listed.highlighted = min(highlighted or 0, len(options) - 1)
        self.query_one("#frame").border_title = _title(len(options))

    def _row(self, index: int) -> int:
        """Return the row of a run, the first one where it is not shown."""
        return self._shown.index(index) if index in self._shown else 0

    def action_keep(self) -> None:
        """Ask what to do with the highlighted run."""
        row = self.query_one(Picker).highlighted
        if self.keeper is not None and row is not None:
            self.keeper.keep(self._states[self._shown[row]], self._say, self._refresh)

    def _say(self, text: str, failed: bool) -> None:
        self.show_error(text if failed else "")
        self.query_one("#keys", KeyHints).show(self.HINTS if failed else text, "" if failed else "$success")

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

    def action_copy(self) -> None:
        """Copy the highlighted row, or the table."""
        from tui_trainer.ui.copying.texts import limited, run_copies
        from tui_trainer.ui.screens.dialogs.copying import Copy

        rows = table([self._states[index] for index in self._shown])
        copies = limited(run_copies(rows, self.query_one(Picker).highlighted or 0))
        hints = self.query_one("#keys", KeyHints)
        self.app.push_screen(Copy(copies), lambda said: hints.show(said or self.HINTS))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.answer(self._shown[event.option_index])


def _title(runs: int) -> str:
    return f"{runs} runs side by side" if runs != 1 else "1 run"


def table(states: Sequence[RunState]) -> list[list[str]]:
    """Return the headings and a row per run: name, status, epochs, best and last values, differing settings."""
    configs: list[Mapping[str, Any]] = [
        flattened(state.started.config) if state.started is not None else {} for state in states
    ]
    settings = settings_that_differ(configs)
    keys = list(settings)
    headings = ["run", "status", "epoch", "best", "train", "val", *_headings(keys)]
    rows = [
        [
            shown_variant(state),
            state.reason if state.over and state.reason != "completed" else state.status,
            f"{state.epoch}/{state.epochs}",
            f"{number(state.best.value, 3)} @ {state.best.epoch}" if state.best is not None else "-",
            number(state.metrics.get("train_loss"), 3),
            number(state.metrics.get("val_loss"), 3),
            *(settings[key][index] for key in keys),
        ]
        for index, state in enumerate(states)
    ]
    return [headings, *rows]


def _with_kept(rows: list[list[str]], kept: Sequence[Kept]) -> list[list[str]]:
    """Put the names that a user gave runs in place of the others, and add a column of tags where there are any."""
    named = [[each.name or row[0], *row[1:]] for row, each in zip(rows[1:], kept, strict=True)]
    if not any(each.tags for each in kept):
        return [rows[0], *named]
    tags = [" ".join(each.tags) for each in kept]
    return [
        [*rows[0][:1], "tags", *rows[0][1:]],
        *([row[0], own, *row[1:]] for row, own in zip(named, tags, strict=True)),
    ]


def _headings(keys: Sequence[str]) -> list[str]:
    """Return the last part of each key, without `kind`; the last two parts where two keys end alike."""
    ends = [key.removesuffix(".kind").rpartition(".")[2] for key in keys]
    return [end if ends.count(end) == 1 else ".".join(key.split(".")[-2:]) for key, end in zip(keys, ends, strict=True)]


def _cell(text: str, width: int) -> str:
    return padded(cut(text, width, "…"), width)
