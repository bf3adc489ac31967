"""The groups of runs that a chart draws as one band each."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.state.run_state import RunState
from tui_trainer.state.series_names import runs_by_seed

LEAST_SEEDS = 3
"""Runs from which a group is drawn as a band where the user has not chosen."""

Groups = tuple[tuple[int, ...], ...]


class _Last:
    """The groups of the runs that were asked for last: every chart of a frame asks for the same ones."""

    def __init__(self) -> None:
        self.started: list[object] = []
        self.groups: Groups = ()

    def of(self, states: Sequence[RunState]) -> Groups:
        started: list[object] = [state.started for state in states]
        if len(started) != len(self.started) or any(a is not b for a, b in zip(started, self.started, strict=True)):
            self.groups = tuple(map(tuple, runs_by_seed(states)))
            self.started = started
        return self.groups


_last = _Last()


def known_groups(states: Sequence[RunState]) -> Groups:
    """Return the indices of the runs that differ only in their seed, two or more in each group."""
    return _last.of(states)


def drawn_groups(states: Sequence[RunState], chosen: bool | None) -> Groups:
    """Return the groups that are drawn as bands: all of them, none, or the larger ones where nothing was chosen."""
    if chosen is False or len(states) < 2:
        return ()
    return tuple(group for group in known_groups(states) if chosen or len(group) >= LEAST_SEEDS)
