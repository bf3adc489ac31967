"""The abandoned branches of a run: the curves that an undo or a roll-back left behind."""

from __future__ import annotations

from tui_trainer.state.branching.branches import Ghost
from tui_trainer.state.races.view import RACED
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.axes import Grid
from tui_trainer.ui.charts.model import Annotation, Curve

MAX_BRANCHES = 6
"""Newest branches that are drawn."""
MAX_LABEL = 24
"""Most characters of a name at the end of a branch."""


def branches_of(state: RunState, name: str) -> list[Ghost]:
    """Return the newest abandoned curves of a series, the newest last.

    The state of a run that an earlier version saved knows only its ghosts.
    """
    curves = [branch.curves[name] for branch in state.branches if name in branch.curves]
    if not state.branches:
        curves = [ghost for ghost in state.ghosts if ghost.name == name]
    return [curve for curve in curves if len(curve.steps) > 1][-MAX_BRANCHES:]


def legend_of(state: RunState) -> str:
    """Return the name of abandoned branches in the legend of a chart."""
    ways = {branch.left_by for branch in state.branches}
    return "raced" if ways == {RACED} else "undone, raced" if RACED in ways else "undone"


def branch_labels(state: RunState, name: str, grid: Grid) -> list[Annotation]:
    """Return number and settings at the end of each curve of a race."""
    labels: list[Annotation] = []
    for branch in state.branches[-MAX_BRANCHES:]:
        curve = branch.curves.get(name)
        if branch.left_by != RACED or curve is None or not curve.steps:
            continue
        column = grid.column(curve.steps[-1])
        if column is not None:
            text = f" {visible(branch.what)[:MAX_LABEL]}"
            labels.append(Annotation("branch", grid.centre(column), curve.values[-1], text, needed=True, away=3))
    return labels


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
