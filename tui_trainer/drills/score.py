"""The score of a drill, from the journal of the run alone: cause, recovery, steps, interventions and hints."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tui_trainer.config.preset import load
from tui_trainer.config.teaching.drill import CAUSES, Drill, DrillMeasurement, DrillProgress
from tui_trainer.drills.library import load_drill
from tui_trainer.errors import UserError
from tui_trainer.protocol.commands import (
    Evaluate,
    FindRate,
    Note,
    Pause,
    RemoveGuard,
    Resume,
    SaveCheckpoint,
    SetGuard,
    ShowAnswers,
    StepOnce,
    Stop,
)
from tui_trainer.protocol.events import RolledBack
from tui_trainer.runs.comparing.flat_config import differing_keys, flattened
from tui_trainer.runs.history import RunHistory
from tui_trainer.text import wrapped

CAUSE_POINTS, LATE_CAUSE_POINTS, RECOVERY_POINTS, SPEED_POINTS, SPARING_POINTS = 40, 20, 40, 10, 10
"""Most points for the cause (named before the first intervention, or after it), the recovery, few steps, and few
interventions: 100 in all."""
HINT_COST, INTERVENTION_COST = 10, 3
"""Points that a hint costs, and an intervention beyond those of the reference solution."""

WIDTH = 90
"""Cells of a line of the explanation."""
MEAN_TRAIN_LOSS = "mean train_loss of the epoch"
_NOT_COUNTED = (
    Note, SaveCheckpoint, Evaluate, ShowAnswers, FindRate, Pause, Resume, StepOnce, Stop, SetGuard, RemoveGuard,
)  # fmt: skip
_ENDED_WELL = ("completed", "early-stopped", "stopped")
_FREE = ("title", "summary", "narration", "training.device", "training.seed", "training.steps_per_second")
"""Settings that a run may have otherwise: they do not cure anything."""
_CURES = ("model.", "optimizer.", "scheduler.")
"""Settings that a new start may change in every drill."""


@dataclass(frozen=True, slots=True)
class Score:
    """The result of one drill.

    Attributes:
        drill: name of the drill.
        seed: seed of the run.
        named: the cause that was named; empty for none.
        right: whether it is the true one.
        first: whether it was named before the first intervention.
        hints: hints that were asked for.
        interventions: changes of the training, new starts included.
        starts: new starts.
        steps: steps until the loss had come down for good, those of earlier starts included; None if it never did.
        loss: the loss at the end; NaN where none was measured.
        target: the largest loss that counts as recovered.
        good: mean loss of the known good run.
        points: 0 to 100.
        remark: why the run does not count as recovered; empty if it does.
    """

    drill: str
    seed: int
    named: str
    right: bool
    first: bool
    hints: int
    interventions: int
    starts: int
    steps: int | None
    loss: float
    target: float
    good: float
    points: int
    remark: str = ""

    @property
    def recovered(self) -> bool:
        """Whether the loss came down, by a cure that counts."""
        return self.steps is not None

    def lines(self, drill: Drill) -> list[str]:
        """Return the score in words."""
        loss = f"{self.loss:.3g}" if math.isfinite(self.loss) else "not finite"
        true = CAUSES[drill.cause]
        if not self.named:
            cause = f"not named; {true}"
        elif not self.right:
            cause = f"you said: {CAUSES.get(self.named, self.named)}; in truth {true}"  # type: ignore[call-overload]
        else:
            cause = f"right: {true}" + ("" if self.first else " (named after the first intervention)")
        recovery = f"after {self.steps:,} steps" if self.steps is not None else f"no: {self.remark}"
        return [
            f"{self.drill}, seed {self.seed}: {self.points} of 100 points",
            f"  cause          {cause}",
            f"  recovered      {recovery}",
            f"  loss           {loss}; the known good run reaches {self.good:.3g}, at most {self.target:.3g} counts",
            f"  interventions  {self.interventions}, of which new starts {self.starts}; hints {self.hints}",
            *(f"  {line}" for line in wrapped(" ".join(drill.lesson.split()), WIDTH)),
        ]


def score(history: RunHistory, measured: DrillMeasurement, name: str = "") -> Score:
    """Score one run of a drill.

    Args:
        history: its journal.
        measured: the measurement of the known good run and of the reference solution.
        name: the drill; by default the preset of the run.

    Raises:
        UserError: the run has not begun, or is no run of a drill.
    """
    started = history.started
    if started is None:
        raise UserError("the run has no step to score; train it first")
    name = name or started.preset
    drill = load_drill(name)
    progress = DrillProgress()
    for event in history.events:
        if isinstance(event.cause, Note):
            progress.read(event.cause.text)
    changed = _changed(name, started.config)
    if changed and not progress.starts:
        progress.starts = 1
    interventions = progress.interventions + progress.starts + len(_interventions(history))
    target = measured.good.most * drill.within
    steps, loss, remark = _recovery(history, drill, target)
    forbidden = _forbidden(changed, drill)
    if forbidden:
        steps, remark = None, forbidden
    first = _named_first(history, progress)
    right = progress.named == drill.cause
    points = (CAUSE_POINTS if first else LATE_CAUSE_POINTS) if right else 0
    if steps is not None:
        steps += progress.steps
        points += RECOVERY_POINTS + round(SPEED_POINTS * min(1.0, measured.steps / max(steps, 1)))
        beyond = max(interventions - measured.interventions, 0)
        points += max(SPARING_POINTS - INTERVENTION_COST * beyond, 0)
    points = max(points - HINT_COST * progress.hints, 0)
    seed = int(started.config.get("training", {}).get("seed", 0))
    return Score(
        drill=name,
        seed=seed,
        named=progress.named,
        right=right,
        first=first,
        hints=progress.hints,
        interventions=interventions,
        starts=progress.starts,
        steps=steps,
        loss=loss,
        target=target,
        good=measured.good.mean,
        points=points,
        remark=remark,
    )


def spent(history: RunHistory) -> DrillProgress:
    """Return what a run of a drill has used up, for the notes of a new start."""
    progress = DrillProgress()
    for event in history.events:
        if isinstance(event.cause, Note):
            progress.read(event.cause.text)
    return DrillProgress(
        progress.named,
        progress.hints,
        progress.steps + history.last_step,
        progress.interventions + len(_interventions(history)),
        progress.starts + 1,
    )


def _interventions(history: RunHistory) -> list[int]:
    """Return the step of each command that changed the training; a stop ends it and changes nothing."""
    return [step for step, command in history.interventions if not isinstance(command, _NOT_COUNTED)]


def _named_first(history: RunHistory, progress: DrillProgress) -> bool:
    """Return whether the cause was named before the first intervention of any start."""
    if progress.interventions:
        return not any(_names(command) for _, command in history.interventions)
    for _, command in history.interventions:
        if _names(command):
            return True
        if not isinstance(command, _NOT_COUNTED):
            return False
    return False


def _names(command: object) -> bool:
    read = DrillProgress()
    if isinstance(command, Note):
        read.read(command.text)
    return bool(read.named)


def losses(history: RunHistory, drill: Drill) -> dict[int, float]:
    """Return the loss that decides at each step at which it was measured, in order."""
    if drill.metric == "train_loss":
        found = {step: row[MEAN_TRAIN_LOSS] for step, row in history.summaries.items() if MEAN_TRAIN_LOSS in row}
    else:
        found = {step: row["val_loss"] for step, row in history.rows.items() if "val_loss" in row}
    measured = dict(sorted(found.items()))
    restored = any(isinstance(event, RolledBack) and event.to == "best" for event in history.stop_events)
    if restored and history.finished is not None and history.finished.best is not None and history.started is not None:
        best = measured.get(history.finished.best.epoch * history.started.steps_per_epoch)
        if best is not None and measured:
            measured[max(measured)] = best  # the weights of the best epoch are the ones that were kept
    return measured


def _recovery(history: RunHistory, drill: Drill, target: float) -> tuple[int | None, float, str]:
    """Return the step from which on the loss was at most the target, the last loss, and why it does not count."""
    started = history.started
    assert started is not None
    planned = started.epochs * started.steps_per_epoch
    measured = {step: loss for step, loss in losses(history, drill).items() if step <= planned}
    if not measured:
        return None, math.nan, "no epoch was finished"
    loss = list(measured.values())[-1]
    if history.finished is None:
        return None, loss, "the run is not over"
    if history.finished.reason not in _ENDED_WELL:
        return None, loss, f"the run ended by itself ({history.finished.reason})"
    if not loss <= target:
        return None, loss, f"the {drill.metric.replace('_', ' ')} is above {target:.3g}"
    above = [step for step, value in measured.items() if not value <= target]
    return min(step for step in measured if step > max(above, default=0)), loss, ""


def _changed(name: str, config: dict[str, object]) -> list[str]:
    """Return the settings in which a run differs from its drill; a component of another kind is one setting."""
    base = load(name).first.model_dump(mode="json", exclude_none=True)
    before, now = flattened(base), flattened(config)
    keys = [key for key in differing_keys([before, now]) if key not in _FREE and not key.startswith("checkpoints.")]
    other_kinds = {key.removesuffix(".kind") for key in keys if key.endswith(".kind")}
    found: dict[str, None] = {}
    for key in keys:
        parent = next((kind for kind in sorted(other_kinds, key=len) if key.startswith(f"{kind}.")), None)
        found[parent or key] = None
    return list(found)


def _forbidden(changed: list[str], drill: Drill) -> str:
    """Return why changed settings are no cure; empty where they may be one."""
    if any(key == "drill" or key.startswith("drill.") for key in changed):
        return "the drill itself was changed"
    allowed = (*_CURES, *drill.restart)
    for key in changed:
        if not any(f"{key}.".startswith(f"{prefix.rstrip('.')}.") for prefix in allowed):
            return f"{key} was changed, which cures nothing here"
    if len({_setting(key, drill) for key in changed}) > 1:
        return f"more than one setting was changed: {', '.join(changed)}"
    return ""


def _setting(key: str, drill: Drill) -> str:
    """Return the setting that a key belongs to: the keys of early stopping are one decision."""
    return next((prefix for prefix in drill.restart if key.startswith(f"{prefix}.")), key)
