"""The abandoned branches of a run: the curves that an undo or a roll-back left behind."""

from __future__ import annotations

from tui_trainer.state.branches import Ghost
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.axes import Grid
from tui_trainer.ui.charts.model import Curve

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


def branch_curves(state: RunState, name: str, grid: Grid) -> list[Curve]:
    """Return the dashed curve of a series along each abandoned branch of a run."""
    curves: list[Curve] = []
    for branch in branches_of(state, name):
        columns: dict[int, tuple[float, float]] = {}
        for step, value in zip(branch.steps, branch.values, strict=True):
            column = grid.column(step)
            if column is not None:
                low, high = columns.get(column, (value, value))
                columns[column] = min(low, value), max(high, value)
        if columns:
            x = tuple(grid.centre(column) for column in columns)
            lows, highs = zip(*columns.values(), strict=True)
            curves.append(Curve("branch", x, lows, highs, dotted=True, faint=True))
    return curves
