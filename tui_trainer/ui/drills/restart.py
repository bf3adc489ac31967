"""The notes that a new start of a drill carries on: the named cause, hints, and what was spent before."""

from __future__ import annotations

from tui_trainer.config.teaching.drill import DrillProgress
from tui_trainer.state.run_state import RunState

_NOT_COUNTED = "nc"
"""Letters of marks that change no training: notes and saves."""


def notes_of_drill(state: RunState | None) -> list[str]:
    """Return the notes for the journal of a new start; none for a run that is no drill."""
    if state is None or state.drill is None:
        return []
    progress = state.drill
    changes = sum(mark.letter not in _NOT_COUNTED and mark.letter not in "xuUe" for mark in state.marks)
    carried = DrillProgress(
        progress.named,
        progress.hints,
        progress.steps + state.step,
        progress.interventions + changes,
        progress.starts + 1,
    )
    return carried.notes()
