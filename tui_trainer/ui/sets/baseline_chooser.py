"""The dialog that chooses a baseline among the runs of a runs directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual import on
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.runs.label import label
from tui_trainer.runs.run_index import RunIndex
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.text import cut, padded, visible
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.cards.result import metric_name, shown_value
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.screens.dialogs.base import Dialog

MOST_RUNS = 1000
"""Most runs that are listed, the newest ones."""
NAME_WIDTH = 40
"""Cells of the names."""
CHECK = 0.05
"""Seconds between two checks whether the runs have been read."""


def read_runs(directory: Path) -> list[RunInfo]:
    """Return the newest runs of a directory with at least one step."""
    return [info for info in RunIndex(directory).refresh(everything=True) if info.step][:MOST_RUNS]


class BaselineChooser(Dialog[str]):
    """Lists the runs of a directory; answers with the directory of the chosen run, empty to release the baseline.

    Args:
        directory: the runs directory.
        present: directory of the present baseline, empty without one.
        read: reads the runs; called in a thread.
    """

    DEFAULT_CSS = """
    BaselineChooser > #frame { width: 84; height: 80%; }
    BaselineChooser OptionList { height: 1fr; }
    BaselineChooser #reading { height: 1; color: $muted; }
    """

    HINTS = "j k ↑↓ choose · / search · enter keep behind the charts · esc cancel"

    def __init__(self, directory: Path, present: str, read: Callable[[Path], list[RunInfo]] = read_runs) -> None:
        super().__init__("Baseline behind every chart")
        self._present = present
        self._paths = [""]
        self._call = BackgroundCall(lambda: read(directory))
        self._timer: Timer | None = None

    def inside(self) -> list[Widget]:
        """Return the list, and a line that says that it is read."""
        released = "none" if self._present else "none (there is no baseline now)"
        return [Static("reading the runs ...", id="reading"), Picker(Option(released), markup=False, compact=True)]

    def on_mount(self) -> None:
        """Wait for the runs."""
        super().on_mount()
        self._timer = self.set_interval(CHECK, self._fill)

    def _fill(self) -> None:
        if not self._call.done or self._timer is None:
            return
        self._timer.stop()
        self._timer = None
        try:
            runs = self._call.result()
        except Exception as error:  # noqa: BLE001 - the list stays short, with the reason above
            self.show_error(f"the runs cannot be read: {error}")
            runs = []
        self.query_one("#reading", Static).display = False
        listed = self.query_one(Picker)
        self._paths += [info.path for info in runs]
        listed.add_options(Option(line(info)) for info in runs)
        present = [index for index, path in enumerate(self._paths) if path == self._present]
        listed.highlighted = present[0] if present else min(1, len(runs))
        listed.focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.answer(self._paths[event.option_index])


def line(info: RunInfo) -> Content:
    """Return a run in one line: name, time of its start, condition, and its best value."""
    best = info.best
    metric = str(best["metric"]) if best else ""
    value = f"{metric_name(metric)} {shown_value(metric, best['value'])} @{best['epoch']}" if best else ""
    name = padded(cut(visible(label(info.name, info.started)), NAME_WIDTH, "…"), NAME_WIDTH)
    return Content.assemble(name, (f"  {visible(info.reason or info.status):<13}", "$muted"), visible(value))
