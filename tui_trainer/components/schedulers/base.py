"""What every learning-rate schedule is: a pure function of a clock, with an optional warm-up before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tui_trainer.components.base import Component, Share

Unit = Literal["step", "epoch"]


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a run stands, counted from the moment its schedule began.

    Attributes:
        step: optimizer steps taken; a fraction after the run was made longer or shorter on the way.
        epoch: epochs ended.
        total: steps that the schedule was planned for.
        steps_per_epoch: optimizer steps in one epoch.
        watched: the value of the metric that the schedule watches after each ended epoch, oldest first.
    """

    step: float
    epoch: int
    total: int
    steps_per_epoch: int
    watched: Sequence[float] = ()

    def count(self, unit: Unit) -> float:
        """The steps or the epochs that have passed."""
        return self.step if unit == "step" else self.epoch


class Scheduler(Component):
    """A shape of the learning rate over time, with an optional linear warm-up before it."""

    spans_run: ClassVar[bool] = False
    """Whether the shape is stretched over the length of the run, so that a longer run means a new plan."""
    watches: ClassVar[bool] = False
    """Whether the shape follows a metric and not the clock alone."""

    warmup: Annotated[float, Field(ge=0)] = 0
    """Steps (a whole number) or share of the run (below 1) over which the rate first rises in a straight line."""
    warmup_start: Share = 0.01
    """Share of the rate at which the warm-up starts."""

    @model_validator(mode="after")
    def _whole_steps_above_one(self) -> Scheduler:
        if self.warmup >= 1 and not self.warmup.is_integer():
            raise ValueError("warmup is a share of the run below 1, or a whole number of steps")
        return self

    def warmup_steps(self, total: int) -> int:
        """The warm-up in steps of a run of `total` steps."""
        return int(self.warmup) if self.warmup >= 1 or self.warmup == 0 else round(self.warmup * total)

    def rate(self, base: float, clock: Clock) -> float:
        """The learning rate at `clock` for a schedule that began with the rate `base`."""
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
        """The learning rate without the warm-up."""
        raise NotImplementedError

    @property
    def changes_each(self) -> Unit:
        """How often the rate can change: a schedule counted in epochs is asked once an epoch."""
        if self.warmup:
            return "step"
        return getattr(self, "per", "step")
