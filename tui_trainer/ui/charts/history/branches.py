"""The abandoned branches of a run: the curves that an undo or a roll-back left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tui_trainer.state.run_state import RunState

MAX_BRANCHES = 6
"""Newest branches that are drawn."""


class BranchCurve(NamedTuple):
    """The values of one series along an abandoned branch, in the order of the steps."""

    steps: Sequence[float]
    values: Sequence[float]


def branches_of(state: RunState, name: str) -> list[BranchCurve]:
    """Return the newest abandoned curves of a series, the newest last."""
    curves = [BranchCurve(ghost.steps, ghost.values) for ghost in state.ghosts if ghost.name == name]
    if "branches" in type(state).model_fields:
        curves = list(_recorded(getattr(state, "branches"), name))  # noqa: B009
    return [curve for curve in curves if len(curve.steps) > 1][-MAX_BRANCHES:]


def _recorded(branches: Sequence[Any], name: str) -> Iterator[BranchCurve]:
    """Yield the curves of a series in recorded branches."""
    for branch in branches:
        if name in branch.curves:
            yield BranchCurve(branch.curves[name].steps, branch.curves[name].values)
