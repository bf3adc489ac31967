"""The decision between a linear and a logarithmic vertical axis.

The user's choice wins, then that of a lesson. Otherwise the history of the run decides: an axis becomes logarithmic
once its values have differed by a factor of `RATIO`, from the first twentieth of the run on, or at once after an
explosion. Single spikes do not decide: what is compared are the means of sixty parts of the planned run, and the
largest of them counts only at the start. The second largest only rises and the smallest only falls, and the branches
that an undo abandoned count too, so the axis never flips back, and a screen that is opened later decides the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.history.branches import branches_of
from tui_trainer.ui.charts.view import View

RATIO = 20
"""Largest over smallest value from which an axis is logarithmic."""
EXPLOSION = 30
"""Largest over first value from which an axis is logarithmic at once."""
SETTLED_SHARE = 0.05
"""Share of the planned steps before which only an explosion decides."""
PARTS = 60
"""Parts of the planned run whose means are compared."""
BLOWN = "DIVERGE"
"""Finding of an explosion; it stays known after it is gone."""
MIN_PART = 4
"""Steps of the shortest part."""
_SHARES = frozenset(("accuracy", "acc", "precision", "recall", "f1", "auc", "iou", "dice", "r2", "share", "rate"))
"""Words in the names of metrics that lie between 0 and 1."""


def is_share(metric: str) -> bool:
    """Return whether a metric is a share between 0 and 1, such as an accuracy, by its name."""
    return any(word in _SHARES for word in metric.lower().replace("-", "_").split("_"))


def chosen_log(view: View, chart: str) -> bool | None:
    """Return the choice of the user or of a lesson for a chart; None without one."""
    return view.log.get(chart, view.log_y)


def decide_log(states: Iterable[RunState], names: Sequence[str]) -> bool:
    """Return whether the histories of these series call for a logarithmic axis."""
    return any(_decide(state, names) for state in states)


def _decide(state: RunState, names: Sequence[str]) -> bool:
    means, lowest = _means(state, names)
    if lowest < 0 or len(means) < 2:
        return False
    high = max(sorted(means)[-2], means[0])
    if not high > max(min(means) * RATIO, 0.0):
        return False
    exploded = BLOWN in state.findings or high > max(means[0], 0.0) * EXPLOSION
    return state.over or exploded or state.step >= _planned(state) * SETTLED_SHARE


def _means(state: RunState, names: Sequence[str]) -> tuple[list[float], float]:
    """Return the means of the complete parts of the run in all series, and the smallest value."""
    means: list[float] = []
    lowest = inf
    for name in names:
        series = state.series.get(name)
        if series is None or not series.count:
            continue
        width = max(_planned(state) // PARTS, MIN_PART)
        while series.last_step > 4 * PARTS * width:
            width *= 2
        # An incomplete part would change: a spike in it counts less with every further step.
        complete = series.last_step // width
        edges = [part * width + 0.5 for part in range(complete + 1)]
        if state.over or not complete:
            edges.append(series.last_step + 0.5)
        columns = [column for column in series.columns(edges) if column is not None]
        lowest = min([lowest, *(column.low for column in columns)])
        if state.over or complete:
            means += [column.mean for column in columns]
    for branch in (branch for name in names for branch in branches_of(state, name)):
        means += [min(branch.values), *sorted(branch.values)[-2:]]
        lowest = min(lowest, *branch.values)
    return means, lowest


def _planned(state: RunState) -> int:
    """Return the steps that were planned at the start, so that a change of the epochs does not undo a decision."""
    return state.started.epochs * state.steps_per_epoch if state.started is not None else 0
