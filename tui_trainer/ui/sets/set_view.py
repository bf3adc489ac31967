"""The part of the view state that belongs to a set: hidden runs, the order of the leaderboard, and the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.sets.abouts import Abouts
from tui_trainer.ui.sets.baseline import BaselineReader
from tui_trainer.ui.sets.comparison import Comparison
from tui_trainer.ui.sets.leaderboard import Column, Standing, ordered
from tui_trainer.ui.sets.run_names import folder_of


@dataclass(slots=True)
class SetView:
    """The choices that keys make for a set of runs; nothing of it is sent to a run.

    Attributes:
        hidden: names of the runs that the charts leave out, except while they are selected.
        sort: the column that orders the leaderboard.
        reverse: whether its order is reversed.
        baseline: directory of the run that stays behind every chart; empty without one.
        reader: reads that run where it is not one of the set.
        abouts: the recorded facts of the runs.
        comparison: the settings and versions in which they differ.
    """

    hidden: frozenset[str] = frozenset()
    sort: Column = "last"
    reverse: bool = False
    baseline: str = ""
    reader: BaselineReader = field(default_factory=BaselineReader)
    abouts: Abouts = field(default_factory=Abouts)
    comparison: Comparison = field(default_factory=Comparison)

    def poll(self) -> bool:
        """Take what was read in the background. Returns whether the screen has to be drawn."""
        return any([self.abouts.poll(), self.reader.poll()])

    def sorted(self, rows: Sequence[Standing], metric: str) -> list[Standing]:
        """Return the runs in the order of the leaderboard."""
        return ordered(rows, self.sort, metric, reverse=self.reverse)

    def baseline_state(self, states: Sequence[RunState]) -> RunState | None:
        """Return the baseline: a run of the set, or the one that was read; None without one and until it is read."""
        if not self.baseline:
            return None
        for state in states:
            if folder_of(state) == self.baseline:
                return state
        if states:  # before the runs are known, it may be one of them
            self.reader.ask(self.baseline)
        return self.reader.state

    def toggle_hidden(self, run: str) -> bool:
        """Hide a run, or show it again. Returns whether it is hidden now."""
        self.hidden ^= {run}
        return run in self.hidden
