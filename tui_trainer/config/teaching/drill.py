"""The drill of a preset: a run that is sick, its cause, the settings that would cure it, and a reference solution."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tui_trainer.components.base import Positive, Whole

Cause = Literal[
    "rate-high",
    "rate-low",
    "too-few-epochs",
    "zero-weights",
    "large-weights",
    "worn-out-sum",
    "noise",
    "capacity",
    "label-noise",
    "broken-data",
]

CAUSES: dict[Cause, str] = {
    "rate-high": "the learning rate is too high",
    "rate-low": "the learning rate is too low",
    "too-few-epochs": "it needs more epochs",
    "zero-weights": "the initial weights are zero",
    "large-weights": "the initial weights are too large",
    "worn-out-sum": "the optimizer's sum of squared gradients is too large",
    "noise": "the steps are too noisy: small batches at this rate",
    "capacity": "the model is too small",
    "label-noise": "labels are wrong, and the model memorises them",
    "broken-data": "the data hold numbers that are not finite",
}
"""Every cause that a drill can have or offer, in words."""

PREFIX = "drill:"
"""Begins the notes in which a journal keeps what was answered and asked for."""
_CAUSE = re.compile(rf"{PREFIX} the cause is ([a-z-]+)")
_HINT = f"{PREFIX} hint"
_EARLIER = re.compile(rf"{PREFIX} started again after (\d+) steps, (\d+) interventions, (\d+) starts")

_STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Act(BaseModel):
    """One act of the reference solution: a command at a step, or a new start with one change."""

    model_config = _STRICT

    step: Whole = 0
    """Step after which it is taken."""
    command: str = ""
    """A command as `tui-trainer send` takes it, for example `set-lr factor=0.1`."""
    again: str = ""
    """KEY=VALUE of a new start from the beginning."""

    @model_validator(mode="after")
    def _one(self) -> Act:
        if bool(self.command) == bool(self.again):
            raise ValueError('give either command = "set-lr factor=0.1" or again = "optimizer.lr=0.1"')
        return self


class Drill(BaseModel):
    """The question of a drill, and how the answer is judged. The screen shows none of it before the cause is named."""

    model_config = _STRICT

    cause: Cause
    choices: Annotated[tuple[Cause, ...], Field(min_length=3, max_length=8)]
    """The causes to choose from; the true one is among them."""
    metric: Literal["train_loss", "val_loss"] = "train_loss"
    """The loss that has to come down; of the training loss the mean over the epoch."""
    within: Annotated[float, Field(ge=1)] = 1.5
    """Recovered: at the end the loss is at most this many times the largest of the known good runs."""
    good: Annotated[tuple[str, ...], Field(min_length=1)]
    """KEY=VALUE that make the known good run, trained from the start."""
    restart: tuple[str, ...] = ()
    """Settings of the data that a new start may change; those of model, optimizer and schedule always may."""
    solution: Annotated[tuple[Act, ...], Field(min_length=1)]
    """The reference solution."""
    wrong: Annotated[tuple[Act, ...], Field(min_length=1)]
    """A cure of another illness, which does not help here."""
    lesson: Annotated[str, Field(min_length=1)]
    """The cause and how to see it, shown with the score."""

    @model_validator(mode="after")
    def _among(self) -> Drill:
        if self.cause not in self.choices:
            raise ValueError(f"choices: the cause {self.cause!r} is not among them; add it")
        if len(set(self.choices)) != len(self.choices):
            raise ValueError("choices: each cause once")
        return self


class LossSpread(BaseModel):
    """The measured loss of some runs at their end: mean, smallest and largest over the seeds."""

    model_config = _STRICT

    mean: Positive
    least: Positive
    most: Positive


class DrillMeasurement(BaseModel):
    """The measurement of a drill: its known good run, and the reference solution.

    Attributes:
        seeds: how many runs were trained of each.
        good: loss of the known good run at its end.
        solved: the same of the reference solution.
        steps: mean steps to recover of the reference solution.
        interventions: its changes of the training, new starts included.
    """

    model_config = _STRICT

    seeds: int
    good: LossSpread
    solved: LossSpread
    steps: Positive
    interventions: Whole


def drill_of(config: Mapping[str, Any] | None) -> Drill | None:
    """Return the drill in a run's configuration; None where there is none or it cannot be parsed."""
    table = (config or {}).get("drill")
    if table is None:
        return None
    try:
        return Drill.model_validate(table)
    except ValidationError:
        return None  # written by a later version: the charts do without the drill


def cause_note(cause: str) -> str:
    """Return the note that names a cause."""
    return f"{PREFIX} the cause is {cause}"


def hint_note() -> str:
    """Return the note that asks for the findings of the diagnosis."""
    return _HINT


def restart_note(steps: int, interventions: int, starts: int) -> str:
    """Return the note with what was spent before a new start."""
    return f"{PREFIX} started again after {steps} steps, {interventions} interventions, {starts} starts"


@dataclass(slots=True)
class DrillProgress:
    """The content of the notes of a journal about a drill.

    Attributes:
        named: the cause that was named first; empty for none.
        hints: hints that were asked for.
        steps: steps of earlier starts.
        interventions: interventions of earlier starts.
        starts: new starts.
    """

    named: str = ""
    hints: int = 0
    steps: int = 0
    interventions: int = 0
    starts: int = 0

    def read(self, text: str) -> None:
        """Take in the text of one note; notes of the user's own are ignored."""
        if text == _HINT:
            self.hints += 1
        elif found := _CAUSE.fullmatch(text):
            self.named = self.named or found[1]
        elif found := _EARLIER.fullmatch(text):
            self.steps, self.interventions, self.starts = (int(part) for part in found.groups())

    def notes(self) -> list[str]:
        """Return the notes that say the same, for the journal of a new start."""
        named = [cause_note(self.named)] if self.named else []
        spent = [restart_note(self.steps, self.interventions, self.starts)] if self.starts else []
        return [*named, *[_HINT] * self.hints, *spent]


def progress_of(notes: Sequence[str]) -> DrillProgress:
    """Return what the texts of some notes say."""
    progress = DrillProgress()
    for text in notes:
        progress.read(text)
    return progress
