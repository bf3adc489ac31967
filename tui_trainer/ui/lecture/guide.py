"""Hold the training at each remark of a lesson until it has been read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.protocol.commands import AnyCommand, Resume
from tui_trainer.state.run_state import RunState

Send = Callable[[AnyCommand, str], None]
"""Sends a command of the lesson to a run."""


def held_step(remark: Remark, state: RunState) -> int | None:
    """Return the step after which a run waits for a remark; None where it trains to its end."""
    if remark.at == "end":
        return None
    if remark.epoch is not None:
        return remark.epoch * state.steps_per_epoch
    return remark.step or 1


def has_reached(remark: Remark, state: RunState) -> bool:
    """Return whether a run has ended, or waits at a remark or beyond it."""
    step = held_step(remark, state)
    if state.over or step is None:
        return state.over
    return state.step > step or (state.step == step and state.status == "paused")


@dataclass(slots=True)
class Guide:
    """The way of a reader from remark to remark: the runs train up to the next one and wait there.

    Attributes:
        active: whether the training waits for the reader.
        going: whether the reader is done with the remark on the screen, so that the runs train up to the next one.
        until: index of a remark up to which nothing waits, to play a lesson again from it; -1 for none.
    """

    active: bool = False
    going: bool = True
    until: int = -1
    _asked: dict[str, int] = field(default_factory=dict[str, int])
    """Index of the remark up to which each run was last asked to train."""

    def next(self, lesson: Lesson, remaining: Sequence[int], states: Sequence[RunState]) -> int | None:
        """Return the index of the remark whose moment has come; None while the runs train up to it.

        Args:
            remaining: the indexes of the remarks that have not been shown, in order.
            states: the runs of the set.
        """
        if not self.going or not states:
            return None
        over = all(state.over for state in states)
        for index in remaining:
            remark = lesson.remarks[index]
            if over and remark.at is None and not any(has_passed(remark, state) for state in states):
                continue  # every run ended before it
            if all(has_reached(remark, state) for state in states):
                return index
            return None
        return None

    def train(self, lesson: Lesson, index: int | None, states: Sequence[RunState], send: Send) -> None:
        """Ask each run once to train up to a remark, or to its end where there is none."""
        if not self.active or not self.going:
            return
        for state in states:
            wanted = -1 if index is None else index
            if state.over or state.started is None or self._asked.get(state.run) == wanted:
                continue
            step = None if index is None else held_step(lesson.remarks[index], state)
            if step is not None and state.step >= step:
                continue
            self._asked[state.run] = wanted
            total = state.total_steps
            if step is None or (total and step >= total):
                send(Resume(), state.run)
            else:
                send(Resume(until=step), state.run)

    def go_on(self) -> None:
        """Train on; also a run that was paused by hand on the way."""
        self.going = True
        self._asked.clear()

    def wait(self) -> None:
        """Let the reader read."""
        self.going = False

    def release(self, states: Sequence[RunState], send: Send) -> None:
        """Let every run train to its end without waiting again."""
        for state in states:
            if not state.over and state.status in ("paused", "running") and (self._asked or state.status == "paused"):
                send(Resume(), state.run)
        self._asked.clear()

    def reset(self) -> None:
        """Begin again, with new runs of the same lesson."""
        self.going, self._asked = True, {}


def has_passed(remark: Remark, state: RunState) -> bool:
    """Return whether a run came as far as a remark before it ended."""
    step = held_step(remark, state)
    return step is not None and state.step >= step
