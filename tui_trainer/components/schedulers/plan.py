"""The learning rate plan of a run: its schedule, the base rate, the start and end step, and manual changes."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Self

from pydantic import BaseModel, ConfigDict

from tui_trainer.components.schedulers.base import Clock
from tui_trainer.components.schedulers.builtin import AnyScheduler


class LrPlan(BaseModel):
    """The learning rate of a run, past and coming, as one frozen value.

    A rate set by hand multiplies the whole shape by `scale`, so that it holds at once and the schedule goes on from it,
    whatever the schedule is. A new length of the run changes the `pace` at which the part still to come is walked, so
    that the rate does not jump. Both are new plans; nothing is ever overwritten.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    scheduler: AnyScheduler
    base: float
    """The learning rate that the schedule began with."""
    origin: int = 0
    """The step of the run at which the schedule began."""
    length: int
    """Steps of the schedule's own time that it was planned for."""
    end: int
    """The step of the run at which the run is to end."""
    steps_per_epoch: int
    scale: float = 1.0
    """What hands multiplied the shape by."""
    held: float | None = None
    """A rate set by hand where the shape itself is zero, or so near to it that it cannot be scaled."""
    anchor_step: int
    """The step of the run at which the pace last changed."""
    anchor_position: float = 0.0
    """The schedule's own time at that step."""
    pace: float = 1.0
    """Steps of the schedule's own time for each step of the run."""

    @classmethod
    def begin(cls, scheduler: AnyScheduler, base: float, *, step: int, end: int, steps_per_epoch: int) -> Self:
        """A schedule that begins at `step` of a run that ends at `end`, with the rate `base`."""
        return cls(
            scheduler=scheduler,
            base=base,
            origin=step,
            length=max(end - step, 1),
            end=end,
            steps_per_epoch=steps_per_epoch,
            anchor_step=step,
        )

    def position(self, step: int) -> float:
        """The schedule's own time at a step of the run."""
        if self.pace == 1.0:
            return step - self.anchor_step + self.anchor_position
        return self.anchor_position + (step - self.anchor_step) * self.pace

    def shape(self, step: int, watched: Sequence[tuple[int, float]] = ()) -> float:
        """The rate of the schedule alone at `step`, before what hands changed."""
        clock = Clock(
            step=self.position(step),
            epoch=step // self.steps_per_epoch - self.origin // self.steps_per_epoch,
            total=self.length,
            steps_per_epoch=self.steps_per_epoch,
            watched=[value for at, value in watched if self.origin < at <= step] if self.scheduler.watches else (),
        )
        return self.scheduler.rate(self.base, clock)

    def rate(self, step: int, watched: Sequence[tuple[int, float]] = ()) -> float:
        """The learning rate for the batch after `step` steps.

        `watched` holds (step, value) of the metric that the schedule watches, one for each ended epoch of the run.
        """
        shape = self.shape(step, watched)
        return self.held if self.held is not None and not _scalable(shape, self.held) else shape * self.scale

    def with_rate(self, rate: float, step: int, watched: Sequence[tuple[int, float]] = ()) -> LrPlan:
        """The same shape, scaled so that the rate at `step` is `rate`."""
        shape = self.shape(step, watched)
        if not _scalable(shape, rate):
            return self.model_copy(update={"held": rate})
        return self.model_copy(update={"scale": rate / shape, "held": None})

    def with_end(self, end: int, step: int) -> LrPlan:
        """The plan for a run that now ends at `end`: what is left of the shape is walked in what is left of the run.

        The rate at `step` stays what it is. A shape that does not span the run does not change at all, nor does a
        warm-up that is counted in steps.
        """
        if not self.scheduler.spans_run:
            return self.model_copy(update={"end": end})
        position = self.position(step)
        longer = self.model_copy(update={"end": end, "length": max(end - self.origin, 1)})
        warming = position <= self.scheduler.warmup_steps(self.length) < longer.length and self.pace == 1.0
        # A run of very few steps may begin in the middle of a shape: then the rate would jump.
        if warming and float(self.scheduler.warmup).is_integer() and longer.shape(step) == self.shape(step):
            return longer
        pace = (self.length - position) / max(end - step, 1)
        return self.model_copy(update={"end": end, "anchor_step": step, "anchor_position": position, "pace": pace})

    def curve(
        self, first: int, last: int, points: int, watched: Sequence[tuple[int, float]] = ()
    ) -> tuple[list[int], list[float]]:
        """At most `points` steps from `first` to `last` and the rates there, for drawing what is to come."""
        if last < first:
            return [], []
        count = min(points, last - first + 1)
        steps = [first + (last - first) * k // max(count - 1, 1) for k in range(count)]
        return steps, [self.rate(step, watched) for step in steps]


def _scalable(shape: float, rate: float) -> bool:
    """Whether a finite factor makes this rate of a shape: one that has been halved a thousand times has none."""
    return shape != 0 and isfinite(rate / shape)
