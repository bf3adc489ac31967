"""Watch how far the keys `+` and `-` have taken the learning rate since it was last set another way."""

from __future__ import annotations

from collections.abc import Container
from math import isfinite, prod

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.steering.review import LARGE_FACTOR

_RATE_LETTERS = "lsob"
"""Letters of the marks of interventions that change the rate: rate, schedule, optimizer, roll back."""
Anchor = tuple[str, int, str]
"""Run, step and text of the intervention that last set the rate another way."""


class RateGuard:
    """Multiplies the steps of the two keys, for each run, from the rate that was last set another way."""

    def __init__(self) -> None:
        self._bases: dict[Anchor, float] = {}
        """The factor of the plan by which the schedule was multiplied at each anchor."""
        self._own: dict[str, float] = {}
        """The factor of each command that one of the two keys sent, by the command's id."""

    def sent(self, identity: str, factor: float) -> None:
        """Remember a command of one of the two keys."""
        self._own[identity] = factor

    def total(self, state: RunState, pending: Container[str]) -> float:
        """Return the factor from the rate that was last set another way, with the commands that are on their way."""
        base = self._bases.setdefault(self._anchor(state), _scale(state))
        return self._scale_to_come(state, pending) / base if base else 1.0

    def asks(self, state: RunState, pending: Container[str], factor: float) -> bool:
        """Return whether one more step by a factor would go beyond a factor of 100 in all."""
        further = self.total(state, pending) * factor
        return further > LARGE_FACTOR if factor > 1 else further < 1 / LARGE_FACTOR

    def allow(self, state: RunState, pending: Container[str]) -> None:
        """Count from the present rate on: the user wants to go further."""
        self._bases[self._anchor(state)] = self._scale_to_come(state, pending)

    def _scale_to_come(self, state: RunState, pending: Container[str]) -> float:
        return _scale(state) * prod(factor for identity, factor in self._own.items() if identity in pending)

    def _anchor(self, state: RunState) -> Anchor:
        for mark in reversed(state.marks):
            if mark.letter in _RATE_LETTERS and mark.id not in self._own:
                return state.run, mark.step, mark.text
        return state.run, 0, ""


def _scale(state: RunState) -> float:
    """Return the rate as a multiple of the schedule's, or the rate itself where the schedule is at 0."""
    plan = state.plan
    if plan is None:
        return 1.0
    rate, shape = plan.rate(state.step), plan.shape(state.step)
    scale = rate / shape if shape else rate
    return scale if isfinite(scale) else rate
