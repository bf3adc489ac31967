"""Interventions as causes: what the user changed, in words, and which findings it can explain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import events as ev
from tui_trainer.text import number

MOST = 16
"""Newest interventions to keep: so many can be undone."""
WINDOW = 5
"""Epochs after an intervention within which a new finding follows from it, or a tenth of the run if that is more."""
NOTABLE = 1.5
"""Factor between two rates from which the change counts as a cause."""
_SAMPLES = 16

Kind = Literal["rate", "schedule", "optimizer", "clip", "length", "stopping", "weights"]

_HIGHER = frozenset(
    ("NAN", "DIVERGE", "LR_HIGH", "PLATEAU_NOISE", "NOGRAD", "DEAD", "VANISH", "STUCK", "PLATEAU", "UNDERFIT")
)
_LOWER = frozenset(("LR_LOW", "PLATEAU", "UNDERFIT", "STUCK"))
_OPTIMIZER = _HIGHER | _LOWER | {"ADAGRAD"}
_TOO_SMALL = frozenset(("LR_LOW", "PLATEAU", "ADAGRAD"))
_TOO_LARGE = frozenset(("LR_HIGH", "PLATEAU_NOISE"))
_SHORTER = frozenset(("STOPPED_TOO_SOON",))


@dataclass(frozen=True, slots=True)
class Change:
    """One change that the user made and can undo.

    Attributes:
        step: optimizer steps taken before it.
        id: id of its command.
        kind: the setting that it changed.
        text: what the user did, as the end of the sentence "You ...".
        factor: by how much it raised the rate (or the longest step that clipping lets through, or the length of the
            run); below 1 it lowered it.
    """

    step: int
    id: str
    kind: Kind
    text: str
    factor: float = 1.0

    def explains(self, finding: str) -> bool:
        """Return whether a finding can follow from this intervention."""
        match self.kind:
            case "rate" | "schedule" | "clip":
                higher, lower = self.factor >= NOTABLE, self.factor <= 1 / NOTABLE
                return (higher and finding in _HIGHER) or (lower and finding in _LOWER)
            case "optimizer":
                return finding in _OPTIMIZER
            case "length":
                return self.factor < 1 and finding in _SHORTER
            case "stopping":
                return finding in _SHORTER
            case "weights":
                return False

    def settles(self, finding: str) -> bool:
        """Return whether a finding about the steps is out of date after this intervention."""
        match self.kind:
            case "rate" | "schedule":
                raised, lowered = self.factor >= NOTABLE, self.factor <= 1 / NOTABLE
                return (raised and finding in _TOO_SMALL) or (lowered and finding in _TOO_LARGE)
            case "optimizer":
                return finding in _TOO_SMALL | _TOO_LARGE
            case _:
                return False

    @property
    def weight(self) -> float:
        """Size of the change: of several that explain a finding, the largest is its cause."""
        return math.inf if self.kind == "optimizer" else abs(math.log(self.factor)) if self.factor > 0 else math.inf

    def sentence(self) -> str:
        """Return the cause in words."""
        return f"You {self.text} at step {self.step:,}; everything since follows from it."


def intervention(event: ev.AnyEvent, lr: float) -> Change | None:
    """Return the intervention that an event reports, None for any other event.

    Args:
        event: the event.
        lr: the rate in force before it; 0 if it is not known.
    """
    if event.cause is None:
        return None
    id, step = event.cause.id, event.step
    match event:
        case ev.SettingChanged() if event.name == "lr" or event.name.startswith("lr/"):
            factor = event.value / event.previous if event.previous > 0 and event.value > 0 else 1.0
            of = f" of {event.name.removeprefix('lr/')}" if event.name != "lr" else ""
            return Change(step, id, "rate", f"set the rate{of} to {number(event.value, 3)}{_times(factor)}", factor)
        case ev.SettingChanged(name="clip_grad_norm"):
            text = f"set the clip to {number(event.value, 3)}" if event.value else "switched clipping off"
            return Change(step, id, "clip", text, _clip_factor(event.previous, event.value))
        case ev.SettingChanged(name="epochs"):
            factor = event.value / event.previous if event.previous > 0 else 1.0
            return Change(step, id, "length", f"set the length to {number(event.value)} epochs", factor)
        case ev.SettingChanged():
            return Change(step, id, "stopping", "changed early stopping")
        case ev.SchedulerChanged():
            factor = _highest_ahead(event.plan, step, event.lr) / lr if lr > 0 else 1.0
            text = f"chose the schedule {event.plan.scheduler.label()}"
            return Change(step, id, "schedule", text, factor if factor > 0 else 1.0)
        case ev.OptimizerChanged():
            factor = event.lr / lr if lr > 0 and event.lr > 0 else 1.0
            text = f"chose the optimizer {event.optimizer.kind} with the rate {number(event.lr, 3)}{_times(factor)}"
            return Change(step, id, "optimizer", text, factor)
        case ev.KnobChanged(name="clip", value=float() as value, previous=float() as previous):
            text = f"set the clip to {number(value, 3)}" if value else "switched clipping off"
            return Change(step, id, "clip", text, _clip_factor(previous, value))
        case ev.RolledBack(restored=None):
            return Change(step, id, "weights", f"went back to the checkpoint {event.to}")
        case _:
            return None


def likely_cause(
    finding: str, interventions: Sequence[Change], *, since: int, first_seen: int, window: int
) -> Change | None:
    """Return the intervention from which a finding follows, None if none explains it.

    Args:
        finding: its name.
        interventions: those of the run, oldest first.
        since: step before which the rule did not hold.
        first_seen: step at which it was first seen to hold.
        window: steps after an intervention within which a finding is attributed to it.
    """
    able = [
        each
        for each in interventions
        if since <= each.step < first_seen <= each.step + window and each.explains(finding)
    ]
    return max(able, key=lambda each: (each.weight, each.step), default=None)


def _times(factor: float) -> str:
    """Return a change of a rate as text: (x10), (/3), empty if it is hardly one."""
    if 0.99 < factor < 1.01:
        return ""
    times = factor if factor > 1 else 1 / factor
    digits = 3 - len(str(int(times))) if times < 1e15 else 0
    rounded = round(times, digits)
    text = f"{rounded:,.0f}" if rounded >= 100 else number(rounded)
    return f" ({'x' if factor > 1 else '/'}{text})"


def _clip_factor(previous: float, value: float) -> float:
    """Return by how much longer a step may be; 0 means no clipping."""
    if not previous or not value:
        return 1.0 if previous == value else (1 / NOTABLE if value else NOTABLE)
    return value / previous


def _highest_ahead(plan: LrPlan, step: int, lr: float) -> float:
    if plan.scheduler.watches or plan.scheduler.kind == "import":
        return lr
    end = max(plan.end, step + 1)
    return max(plan.rate(step + (end - step) * index // _SAMPLES) for index in range(_SAMPLES))
