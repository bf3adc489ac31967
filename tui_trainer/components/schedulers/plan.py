"""The learning rate plan of a run: its schedule, the base rate, the start and end step, and manual changes."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Self

from pydantic import BaseModel, ConfigDict, PrivateAttr

from tui_trainer.components.schedulers.base import Clock, SampledCurve
from tui_trainer.components.schedulers.builtin import AnyScheduler

Watched = tuple[int, float] | tuple[int, float, int]
"""(step, value, epochs since the value before; 1 if not given) of the metric that the schedule watches."""


class LrPlan(BaseModel):
    """The learning rate of a run, past and future, as one frozen value.

    A learning rate set by hand multiplies the full shape by `scale`: it takes effect at once, and any schedule goes on
    from it. A new length of the run changes the `pace` of the remaining part, so that the rate does not jump. Both
    return a new plan.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    scheduler: AnyScheduler
    base: float
    """The learning rate with which the schedule began."""
    origin: int = 0
    """The step of the run at which the schedule began."""
    length: int
    """The planned length of the schedule, in steps of its own time."""
    end: int
    """The step at which the run is planned to end."""
    steps_per_epoch: int
    scale: float = 1.0
    """Manual scale factor."""
    held: float | None = None
    """A learning rate set by hand while the shape is zero, or too close to zero to be scaled."""
    floor: float | None = None
    """Lower bound after a learning rate set by hand: the schedule's own, or that rate if it is lower."""
    anchor_step: int
    """The step of the run at which the pace last changed."""
    anchor_position: float = 0.0
    """The schedule's own time at `anchor_step`."""
    pace: float = 1.0
    """Steps of the schedule's own time per step of the run."""
    _curve: SampledCurve | None = PrivateAttr(default=None)
    """Not saved or sent with the plan: the training process samples it again."""

    @classmethod
    def begin(cls, scheduler: AnyScheduler, base: float, *, step: int, end: int, steps_per_epoch: int) -> Self:
        """Return the plan of a schedule that begins at `step` with the rate `base`, in a run that ends at `end`."""
        return cls(
            scheduler=scheduler,
            base=base,
            origin=step,
            length=max(end - step, 1),
            end=end,
            steps_per_epoch=steps_per_epoch,
            anchor_step=step,
        )

    @property
    def sampled_curve(self) -> SampledCurve | None:
        """The sampled curve of an imported scheduler; None if it has not been sampled, or for any other schedule."""
        return self._curve

    def with_curve(self, curve: SampledCurve | None) -> Self:
        """Return the plan with the sampled curve of its scheduler."""
        plan = self.model_copy()
        plan._curve = curve
        return plan

    def position(self, step: int) -> float:
        """Return the schedule's own time at a step of the run."""
        if self.pace == 1.0:
            return step - self.anchor_step + self.anchor_position
        return self.anchor_position + (step - self.anchor_step) * self.pace

    def shape(self, step: int, watched: Sequence[Watched] = ()) -> float:
        """Return the rate of the schedule at `step`, before manual changes."""
        warm = self.origin + self.scheduler.warmup_steps(self.length)
        seen = [each for each in watched if warm < each[0] <= step] if self.scheduler.watches else []
        clock = Clock(
            step=self.position(step),
            epoch=step // self.steps_per_epoch - self.origin // self.steps_per_epoch,
            total=self.length,
            steps_per_epoch=self.steps_per_epoch,
            watched=[each[1] for each in seen],
            watched_epochs=[each[2] if len(each) == 3 else 1 for each in seen],
            sampled=self._curve,
        )
        return self.scheduler.rate(self.base, clock)

    def rate(self, step: int, watched: Sequence[Watched] = ()) -> float:
        """Return the learning rate for the batch after `step` steps.

        Args:
            step: optimizer steps taken.
            watched: the values of the metric that the schedule watches, one per measured epoch of the run.
        """
        shape = self.shape(step, watched)
        if self.held is not None and not _scalable(shape, self.held):
            return self.held
        rate = shape * self.scale
        if self.floor is not None and rate < self.floor and self._is_warm(step):
            return self.floor
        return rate

    def with_rate(self, rate: float, step: int, watched: Sequence[Watched] = ()) -> LrPlan:
        """Return the plan scaled so that the rate at `step` is `rate`; a lower bound of the schedule holds unscaled."""
        shape, least = self.shape(step, watched), self.scheduler.least
        floor = (min(least, rate) if self._is_warm(step) else least) if least else None
        if not _scalable(shape, rate):
            return self.model_copy(update={"held": rate, "floor": floor})
        return self.model_copy(update={"scale": rate / shape, "held": None, "floor": floor})

    def _is_warm(self, step: int) -> bool:
        """Return whether the warm-up, which may be below every bound, is over."""
        return self.position(step) >= self.scheduler.warmup_steps(self.length)

    def with_end(self, end: int, step: int) -> LrPlan:
        """Return the plan for a run that now ends at `end`: the rest of the shape is fitted to the rest of the run.

        The rate at `step` does not change. Shapes that do not span the run, and a warm-up counted in steps, stay the
        same.
        """
        if not self.scheduler.spans_run:
            return self.model_copy(update={"end": end})
        position = self.position(step)
        longer = self.model_copy(update={"end": end, "length": max(end - self.origin, 1)})
        warming = position <= self.scheduler.warmup_steps(self.length) < longer.length and self.pace == 1.0
        # A run of very few steps may begin in the middle of a shape; in that case the rate would jump.
        if warming and float(self.scheduler.warmup).is_integer() and longer.shape(step) == self.shape(step):
            return longer
        pace = (self.length - position) / max(end - step, 1)
        return self.model_copy(update={"end": end, "anchor_step": step, "anchor_position": position, "pace": pace})

    def curve(
        self, first: int, last: int, points: int, watched: Sequence[Watched] = ()
    ) -> tuple[list[int], list[float]]:
        """Return at most `points` steps from `first` to `last` and their rates, for drawing the future rate."""
        if last < first:
            return [], []
        count = min(points, last - first + 1)
        steps = [first + (last - first) * k // max(count - 1, 1) for k in range(count)]
        return steps, [self.rate(step, watched) for step in steps]


def _scalable(shape: float, rate: float) -> bool:
    """Return whether a finite factor takes the shape to this rate; a shape halved a thousand times has none."""
    return shape != 0 and isfinite(rate / shape)
