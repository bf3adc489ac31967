"""Decide which actions are available, and give the reason where one is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import BY_ID, Action, Need, shown_key
from tui_trainer.ui.run_store import RESUMING


@dataclass(frozen=True, slots=True)
class ActionContext:
    """The facts that decide which actions are available.

    Attributes:
        state: the selected run, None before anything is known of it.
        runs: number of runs of the set.
        kind: kind of the session: live, in-process or replay.
        can_steer: whether the session takes commands at all.
        read_only: whether this screen was asked not to send any.
        connected: whether the session is connected.
        gone: whether the host vanished and another one can resume the run.
        lesson: whether the run has a lesson.
        lecture: whether the run was opened from the lecture.
        tries: whether the lesson names values to try.
        sliders: whether the lesson has an interactive picture.
        charts: whether the run has charts beyond the standard page.
        held_by: the other sender that has the wheel, in words; empty where this screen may steer.
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
    charts: bool = False
    tries: bool = False
    sliders: bool = False
    held_by: str = ""

    @property
    def over(self) -> bool:
        """Whether the selected run has ended."""
        return self.state is not None and self.state.over


def _steer(context: ActionContext) -> str | None:
    held = f"{context.held_by} has the wheel; {shown_key(BY_ID['wheel'], {})} takes it"
    return _wheel(context) or (held if context.held_by else None)


def _wheel(context: ActionContext) -> str | None:
    if context.over:
        return "the run is over"
    if context.read_only:
        return "read only: this screen sends no commands"
    if not context.connected:
        return "disconnected from the run"
    if not context.can_steer:
        return "this run is not training"
    return None


def _training(context: ActionContext) -> str | None:
    if context.state is None or context.state.started is None or context.state.status == RESUMING:
        return "the run is still starting"
    return None


def _best(context: ActionContext) -> str | None:
    state = context.state
    if state is not None and (state.best is not None or "best" in state.checkpoints):
        return None
    return "no best checkpoint yet"


def _layers(context: ActionContext) -> str | None:
    state = context.state
    if state is not None and state.layers:
        return None
    config = state.started.config if state is not None and state.started is not None else {}
    training: dict[str, Any] = config.get("training") or {}
    if training.get("sharding", "none") != "none":
        return "layers are not measured: no rank has the whole of one (training.sharding)"
    return "the layers have not been measured yet"


def _leavable(context: ActionContext) -> str | None:
    if context.over or context.gone or context.kind == "finished":
        return "nothing is training here; press q to leave"
    if context.kind == "in-process":
        return "the run trains in this process and would end with it; press q for the choices"
    return None


def _gone(context: ActionContext) -> str | None:
    if context.gone:
        no_commands = context.read_only and context.kind != "finished"
        return "read only: this screen sends no commands" if no_commands else None
    if context.over:
        return _rerun(context) or _training(context)
    return "the host is still running, or runs on another machine"


def _rerun(context: ActionContext) -> str | None:
    started = context.state.started if context.state is not None else None
    if started is not None and context.kind == "finished" and not started.path:
        return "this is the log of another program: it can be watched, not trained again"
    no_commands = context.read_only and context.kind != "finished"  # looking at a run on disk leads to new ones
    return "read only: this screen sends no commands" if no_commands else None


def _turnable(context: ActionContext) -> str | None:
    started = context.state.started if context.state is not None else None
    data: dict[str, Any] = started.config.get("data", {}) if started is not None else {}
    if "rotation" not in data:
        return "only quadratic problems can be turned (presets coord-scale, zigzag)"
    if data.get("dimensions", 2) < 2:
        return "a function of one coordinate cannot be turned"
    return None


_REASONS: dict[Need, Callable[[ActionContext], str | None]] = {
    "run": lambda context: None if context.state is not None and context.state.step else "no step has been taken yet",
    "steer": _steer,
    "wheel": _wheel,
    "training": _training,
    "best": _best,
    "several": lambda context: None if context.runs > 1 else "there is only one run",
    "marks": lambda context: (
        None if context.lecture or (context.state is not None and context.state.marks) else "no intervention yet"
    ),
    "lesson": lambda context: None if context.lesson else "this run has no lesson",
    "lecture": lambda context: (
        None if context.lecture else "not opened from the lecture; start it with: tui-trainer lecture"
    ),
    "tries": lambda context: (
        None if context.tries else "this run has no lesson that names values to try; o N changes any"
    ),
    "sliders": lambda context: None if context.sliders else "this run has no lesson with sliders; second-order has one",
    "layers": _layers,
    "bars": lambda context: (
        None
        if context.state is not None and (context.state.histories or context.state.histograms)
        else "this run has recorded no picture with bars"
    ),
    "leavable": _leavable,
    "gone": _gone,
    "rerun": _rerun,
    "log": lambda context: (
        None if context.state is not None and context.state.log else "nothing has happened yet that could be searched"
    ),
    "charts": lambda context: None if context.charts else "this run logs nothing beyond the charts shown",
    "turnable": _turnable,
    "drill": lambda context: (
        None if context.state is not None and context.state.drill is not None else "this run is no drill"
    ),
    "comparable": lambda context: None if context.over or context.runs > 1 else "the run is still training",
}


def disabled_reason(action: Action, context: ActionContext) -> str | None:
    """Return the reason why an action is unavailable; None where it is available."""
    for need in action.needs:
        if (reason := _REASONS[need](context)) is not None:
            return reason
    return _locked(action.id, context) or _incapable(action.id, context)


def refused_reason(command: str, context: ActionContext) -> str | None:
    """Return why a command of this type cannot be sent to the selected run now; None where it can."""
    capabilities = context.state.capabilities if context.state is not None else None
    refused = capabilities.refused.get(command) if capabilities is not None else None
    return _steer(context) or _training(context) or refused


def _locked(action: str, context: ActionContext) -> str | None:
    """Return why an action that changes a drill waits until its cause is named."""
    drill = context.state.drill if context.state is not None else None
    if drill is None or drill.named or action not in _CURES:
        return None
    return "name the cause first: press !"


_CURES = frozenset({
    "schedule", "undo", "redo", "double_rate", "halve_rate", "rate", "drop_rate", "find_rate", "race", "optimizer",
    "clip", "guards", "patience", "epochs", "roll_back", "anew", "turn", "resume_run",
})  # fmt: skip
"""The actions that wait in a drill."""


def _incapable(action: str, context: ActionContext) -> str | None:
    """Return why the loop of the selected run cannot do what an action asks for."""
    capabilities = context.state.capabilities if context.state is not None else None
    if capabilities is None:
        return None
    if action in ("anew", "turn", "resume_run") and not capabilities.built_in:
        return "a script made this run: start the script again"
    return capabilities.refused.get(_COMMANDS.get(action, ""))


_COMMANDS = {
    "pause": "Pause",
    "step": "StepOnce",
    "stop": "Stop",
    "stop_early": "Stop",
    "undo": "Undo",
    "redo": "Redo",
    "schedule": "SetScheduler",
    "rate": "SetLearningRate",
    "double_rate": "SetLearningRate",
    "halve_rate": "SetLearningRate",
    "drop_rate": "SetLearningRate",
    "optimizer": "SetOptimizer",
    "clip": "SetClip",
    "patience": "SetPatience",
    "epochs": "SetEpochs",
    "validate": "Evaluate",
    "checkpoint": "SaveCheckpoint",
    "roll_back": "RollBack",
    "ask": "ShowAnswers",
    "find_rate": "FindRate",
    "guards": "SetGuard",
    "race": "Race",
    "try_step": "TryStep",
}
"""The type of the command that an action sends."""


def label(action: Action, context: ActionContext) -> str:
    """Return the label of an action; that of a switch follows the state of the run."""
    if action.id == "pause" and context.state is not None and context.state.status == "paused":
        return "resume"
    if action.id == "steer" and context.over:
        return "again"
    return action.label
