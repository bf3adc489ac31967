"""Actions of a set: the leaderboard, hidden runs, and the baseline. None of them sends a command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tui_trainer.runs.label import short_name
from tui_trainer.text import visible
from tui_trainer.ui.actions import BY_ID, shown_key
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.panels.numbers_table import BestValues
from tui_trainer.ui.panels.progress import shown_variant
from tui_trainer.ui.panels.runs_list import ranking_series
from tui_trainer.ui.sets.leaderboard import COLUMNS, standings
from tui_trainer.ui.sets.run_names import folder_of

Handler = Callable[[], None]
PAGE = 10
"""Runs by which the keys of a page move the selection."""


class SetActions:
    """Handlers of the keys of a set.

    Args:
        context: the dashboard.
        select: brings the run with an index to the front.
        others: the handlers of the keys that mean something else while the leaderboard is closed.
    """

    def __init__(self, context: DashboardContext, select: Callable[[int], None], others: Mapping[str, Handler]) -> None:
        self._context = context
        self._state = context.view_state
        self._sets = context.view_state.sets
        self._select = select
        self._others = dict(others)
        self._best = BestValues()

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action by its id."""
        return {
            "leaderboard": self.toggle,
            "sort_runs": self.sort,
            "reverse_order": self.reverse,
            "hide_run": self.hide,
            "pin_baseline": self.pin,
            "other_baseline": self.choose,
            "zoom_in": lambda: self._move(-1, "zoom_in"),
            "zoom_out": lambda: self._move(1, "zoom_out"),
            "log_up": lambda: self._move(-PAGE, "log_up"),
            "log_down": lambda: self._move(PAGE, "log_down"),
        }

    def toggle(self) -> None:
        """Open the leaderboard, or close it."""
        self._state.toggle_page("leaderboard")
        self._context.relayout()

    def _open(self) -> bool:
        """Open the leaderboard. Returns whether it was closed."""
        closed = self._state.page != "leaderboard"
        if closed:
            self.toggle()
        return closed

    def sort(self) -> None:
        """Sort by the next column; the first press opens the leaderboard."""
        if not self._open():
            self._sets.sort = COLUMNS[(COLUMNS.index(self._sets.sort) + 1) % len(COLUMNS)]
            self._sets.reverse = False
        self._context.flash(f"sorted by {self._sets.sort}")
        self._context.redraw()

    def reverse(self) -> None:
        """Reverse the order."""
        if not self._open():
            self._sets.reverse = not self._sets.reverse
        self._context.flash(f"sorted by {self._sets.sort}{', reversed' if self._sets.reverse else ''}")
        self._context.redraw()

    def hide(self) -> None:
        """Hide the selected run on the charts, or show it again."""
        state = self._context.selected_run
        name = shown_variant(state)
        if self._sets.toggle_hidden(state.run):
            self._context.flash(f"{name} is hidden, and drawn only while it is selected")
        else:
            self._context.flash(f"{name} is shown again")
        self._context.redraw()

    def pin(self) -> None:
        """Make the selected run the baseline, or release it."""
        state = self._context.selected_run
        folder = folder_of(state)
        if not folder:
            self._context.flash("this run has no folder, so that it cannot be remembered as the baseline")
            return
        self._pin("" if self._sets.baseline == folder else folder, shown_variant(state))

    def _pin(self, folder: str, name: str) -> None:
        self._sets.baseline = folder
        kept = f"baseline: {name}; it stays behind the charts of this runs directory"
        self._context.flash(kept if folder else "no baseline")
        self._context.redraw()

    def drop_gone_baseline(self) -> None:
        """Have no baseline any more where the folder of the remembered one is gone, and say so once."""
        if self._sets.baseline and self._sets.reader.gone:
            name = visible(short_name(Path(self._sets.baseline).name))
            self._sets.baseline = ""
            self._sets.reader.ask("")
            key = shown_key(BY_ID["other_baseline"], self._context.keymap)
            advice = f"; {key} chooses another" if key else ""
            self._context.flash(f"the baseline {name} is gone from disk: no baseline now{advice}", seconds=10.0)
            self._context.redraw()

    def choose(self) -> None:
        """Choose the baseline among all runs of the runs directory."""
        from tui_trainer.ui.preferences.view_memory import project_folder
        from tui_trainer.ui.sets.baseline_chooser import BaselineChooser

        folder = project_folder(self._context.selected_run)
        if not folder or not Path(folder).is_dir():
            self._context.flash("the runs directory of this run is not on this machine", error=True)
            return
        dialog = BaselineChooser(Path(folder), self._sets.baseline)
        self._context.ask(dialog, lambda path: self._pin(path, visible(Path(path).name)))

    def _move(self, runs: int, other: str) -> None:
        """Select a run further down the leaderboard; without it, do what the key does elsewhere."""
        state = self._state
        if state.page != "leaderboard" or not state.states:
            self._others[other]()
            return
        states = state.states
        metric = ranking_series(states)
        order = [row.index for row in self._sets.sorted(standings(states, self._best, metric), metric)]
        place = order.index(min(state.selected_index, len(order) - 1))
        self._select(order[min(max(place + runs, 0), len(order) - 1)])
