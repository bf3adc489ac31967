"""The base class of learning-rate schedules: a pure function of a clock, with an optional warm-up before it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tui_trainer.components.base import Component, Share

Unit = Literal["step", "epoch"]


@dataclass(frozen=True, slots=True)
class SampledCurve:
    """The learning rate of a scheduler that was sampled by stepping it.

    Attributes:
        steps: numbers of calls of the scheduler's `step`, increasing from 0.
        lr: the learning rate from each of them until the next.
    """

    steps: Sequence[int]
    lr: Sequence[float]

    def at(self, count: float) -> float:
        """Return the learning rate after `count` calls; the last value holds after the end."""
        return self.lr[max(bisect_right(self.steps, count) - 1, 0)]

    def thinned(self, points: int) -> SampledCurve:
        """Return a curve of at most `points` points: the points of change, or evenly spaced ones if these are more."""
        changes = [
            index for index, rate in enumerate(self.lr) if index in (0, len(self.lr) - 1) or rate != self.lr[index - 1]
        ]
        if len(changes) > points:
            last = len(changes) - 1
            changes = [changes[last * index // (points - 1)] for index in range(points)]
        return SampledCurve([self.steps[index] for index in changes], [self.lr[index] for index in changes])


@dataclass(frozen=True, slots=True)
class Clock:
    """The progress of a run since its schedule began.

    Attributes:
        step: optimizer steps taken; not a whole number after the length of the run was changed.
        epoch: epochs ended.
        total: steps that the schedule was planned for.
        steps_per_epoch: optimizer steps in one epoch.
        watched: the values of the metric that the schedule watches since its warm-up, oldest first.
        watched_epochs: for each of them, the epochs since the one before.
        sampled: the curve of a scheduler that was sampled.
    """

    step: float
    epoch: int
    total: int
    steps_per_epoch: int
    watched: Sequence[float] = ()
    watched_epochs: Sequence[int] = ()
    sampled: SampledCurve | None = None

    def count(self, unit: Unit) -> float:
        """Return the number of steps or epochs that have passed."""
        return self.step if unit == "step" else self.epoch


class Scheduler(Component):
    """The shape of the learning rate over time, with an optional linear warm-up before it."""

    spans_run: ClassVar[bool] = False
    """Whether the shape spans the full run, so that a change of the length changes the plan."""
    watches: ClassVar[bool] = False
    """Whether the shape depends on a metric as well as on the clock."""

    warmup: Annotated[float, Field(ge=0)] = 0
    """Length of the linear warm-up: a number of steps, or a fraction of the run if below 1."""
    warmup_start: Share = 0.01
    """Factor on the learning rate at the start of the warm-up."""

    @property
    def least(self) -> float:
        """The lower bound that the schedule was given for the learning rate, 0 without one."""
        return getattr(self, "min_lr", 0.0)

    @model_validator(mode="after")
    def _whole_steps_above_one(self) -> Scheduler:
        if self.warmup >= 1 and not self.warmup.is_integer():
            raise ValueError("warmup must be a fraction of the run below 1, or a whole number of steps")
        return self

    def warmup_steps(self, total: int) -> int:
        """Return the length of the warm-up in steps, for a run of `total` steps."""
        return int(self.warmup) if self.warmup >= 1 or self.warmup == 0 else round(self.warmup * total)

    def rate(self, base: float, clock: Clock) -> float:
        """Return the learning rate at `clock` for a schedule that began with the learning rate `base`."""
        warmup = self.warmup_steps(clock.total)
        if not warmup:
            return self.shape(base, clock)
        if clock.step < warmup:
            start = replace(clock, step=0, epoch=0, total=max(clock.total - warmup, 1), watched=())
            rise = self.warmup_start + (1 - self.warmup_start) * clock.step / warmup
            return self.shape(base, start) * rise
        after = replace(
            clock,
            step=clock.step - warmup,
            epoch=max(0, clock.epoch - warmup // clock.steps_per_epoch),
            total=max(clock.total - warmup, 1),
        )
        return self.shape(base, after)

    def shape(self, base: float, clock: Clock) -> float:
        """Return the learning rate without the warm-up."""
        raise NotImplementedError

    @property
    def changes_each(self) -> Unit:
        """The unit of time in which the rate can change; a schedule counted in epochs is evaluated once per epoch."""
        if self.warmup:
            return "step"
        return getattr(self, "per", "step")
