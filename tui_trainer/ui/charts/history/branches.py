"""The abandoned branches of a run: the curves that an undo or a roll-back left behind."""

from __future__ import annotations

from tui_trainer.state.branches import Ghost
from tui_trainer.state.run_state import RunState

MAX_BRANCHES = 6
"""Newest branches that are drawn."""


def branches_of(state: RunState, name: str) -> list[Ghost]:
    """Return the newest abandoned curves of a series, the newest last.

    The state of a run that an earlier version saved knows only its ghosts.
    """
    curves = [branch.curves[name] for branch in state.branches if name in branch.curves]
    if not state.branches:
        curves = [ghost for ghost in state.ghosts if ghost.name == name]
    return [curve for curve in curves if len(curve.steps) > 1][-MAX_BRANCHES:]
