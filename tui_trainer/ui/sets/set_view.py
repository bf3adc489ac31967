"""The part of the view state that belongs to a set: hidden runs, the order of the leaderboard, and the baseline."""

from __future__ import annotations

from dataclasses import dataclass, field

from tui_trainer.ui.sets.abouts import Abouts
from tui_trainer.ui.sets.comparison import Comparison


@dataclass(slots=True)
class SetView:
    """What keys choose for a set of runs; nothing of it is sent to a run.

    Attributes:
        abouts: the recorded facts of the runs.
        comparison: the settings and versions in which they differ.
    """

    abouts: Abouts = field(default_factory=Abouts)
    comparison: Comparison = field(default_factory=Comparison)

    def poll(self) -> bool:
        """Take what was read in the background. Returns whether the screen has to be drawn."""
        return self.abouts.poll()
