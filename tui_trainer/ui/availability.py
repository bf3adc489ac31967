"""What can be done now, and if not, why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import Action, Need


@dataclass(frozen=True, slots=True)
class ActionContext:
    """What the screen knows when a key is pressed.

    Attributes:
        state: the run that is chosen, None before anything came.
        runs: how many runs the set has.
        kind: live, in-process or replay.
        can_steer: whether the session takes commands at all.
        read_only: whether this screen was asked not to send any.
        connected: whether the session still stands.
        gone: whether its host vanished and another can go on with the run.
        lesson: whether something is told beside the charts.
        lecture: whether this was opened from the table of contents of the lecture.
    """

    state: RunState | None
    runs: int
    kind: str = "live"
    can_steer: bool = True
    read_only: bool = False
    connected: bool = True
    gone: bool = False
    lesson: bool = False
    lecture: bool = False

    @property
    def over(self) -> bool:
        """Whether the chosen run has ended."""
        return self.state is not None and self.state.over


def _steer(now: ActionContext) -> str | None:
    if now.over:
        return "the run is over"
    if now.read_only:
        return "read only: this screen looks and does not steer"
    if not now.connected:
        return "the connection to the run is gone"
    if not now.can_steer:
        return "this run cannot be steered: nothing is training behind it"
    return None


def _training(now: ActionContext) -> str | None:
    if now.state is None or now.state.started is None:
        return "the run is still starting"
    return None


def _best(now: ActionContext) -> str | None:
    state = now.state
    if state is not None and (state.best is not None or "best" in state.checkpoints):
        return None
    return "nothing to roll back to yet"


def _leavable(now: ActionContext) -> str | None:
    if now.over or now.kind == "finished":
        return "nothing is training here: q leaves"
    if now.kind == "in-process":
        return "the run lives in this very process and would end with it: q asks what to do"
    return None


def _gone(now: ActionContext) -> str | None:
    if now.gone:
        looks_only = now.read_only and now.kind != "finished"
        return "read only: this screen looks and does not steer" if looks_only else None
    return "the run has ended by itself" if now.over else "its host lives, or is not on this machine"


def _anew(now: ActionContext) -> str | None:
    return "read only: this screen looks and does not steer" if now.read_only else None


def _turnable(now: ActionContext) -> str | None:
    started = now.state.started if now.state is not None else None
    data: dict[str, Any] = started.config.get("data", {}) if started is not None else {}
    if "rotation" not in data:
        return "nothing to turn: only a quadratic has a direction (coord-scale, zigzag)"
    if data.get("dimensions", 2) < 2:
        return "nothing to turn: this function has one coordinate"
    return None


_REASONS: dict[Need, Callable[[ActionContext], str | None]] = {
    "run": lambda now: None if now.state is not None and now.state.step else "no step has been taken yet",
    "steer": _steer,
    "training": _training,
    "best": _best,
    "several": lambda now: None if now.runs > 1 else "there is only one run",
    "marks": lambda now: (
        None if now.lecture or (now.state is not None and now.state.marks) else "nobody has intervened yet"
    ),
    "lesson": lambda now: None if now.lesson else "nothing is told of this run: it is no lesson",
    "lecture": lambda now: None if now.lecture else "this was not opened from the lecture: tui-trainer lecture",
    "layers": lambda now: (
        None if now.state is not None and now.state.layers else "the layers have not been measured yet"
    ),
    "bars": lambda now: None if now.state is not None and now.state.histories else "no picture of bars was taken here",
    "leavable": _leavable,
    "gone": _gone,
    "anew": _anew,
    "turnable": _turnable,
}


def disabled_reason(action: Action, now: ActionContext) -> str | None:
    """Why the action cannot be done now, in words; None where it can."""
    for need in action.needs:
        if (reason := _REASONS[need](now)) is not None:
            return reason
    return None


def label(action: Action, now: ActionContext) -> str:
    """The label, following the state where the action is a switch."""
    if action.id == "pause" and now.state is not None and now.state.status == "paused":
        return "resume"
    return action.label
