"""The learning rate plan of a run: its schedule, the base rate, the start and end step, and manual changes."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from tui_trainer.components.schedulers import epoch_lengths
from tui_trainer.components.schedulers.base import Clock, SampledCurve
from tui_trainer.components.schedulers.epoch_lengths import EpochLength
from tui_trainer.components.schedulers.script import AnyPlanScheduler

NEAR, FAR = 512, 512
"""Steps at which the coming rate is looked at: so many one by one, and so many of those after them."""
GOLDEN = 0.6180339887498949
_FREE: dict[str, None] = {"held": None, "held_until": None}

Watched = tuple[int, float] | tuple[int, float, int]
"""(step, value, epochs since the value before; 1 if not given) of the metric that the schedule watches."""


class LrPlan(BaseModel):
    """The learning rate of a run, past and future, as one frozen value.

    A learning rate set by hand takes effect at once, and any schedule goes on from it: it multiplies the full shape by
    `scale`, or where the shape is going to rise, as in a warm-up or the trough of a cycle, is `held` until the shape
    reaches it, so that the next peak is not multiplied too. A new length of the run changes the `pace` of the remaining
    part, so that the rate does not jump; a schedule that has ended is planned again for the new length. All of these
    return a new plan.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    scheduler: AnyPlanScheduler
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
    """A learning rate set by hand below a coming peak, or while the shape is zero or too close to zero to be scaled."""
    held_until: float | None = None
    """The schedule's own time until which a rate below a coming peak is held; None for one that cannot be scaled."""
    by_hand: float | None = None
    """The rate that was last set by hand."""
    floor: float | None = None
    """Lower bound after a learning rate set by hand: the schedule's own, or that rate if it is lower."""
    anchor_step: int
    """The step of the run at which the pace last changed."""
    anchor_position: float = 0.0
    """The schedule's own time at `anchor_step`."""
    pace: float = 1.0
    """Steps of the schedule's own time per step of the run."""
    lengths: Annotated[tuple[EpochLength, ...], Field(exclude_if=lambda lengths: not lengths)] = ()
    """The lengths of the epochs, where the batch size was changed; empty where all are alike."""
    _curve: SampledCurve | None = PrivateAttr(default=None)
    """Not saved or sent with the plan: the training process samples it again."""

    @classmethod
    def begin(cls, scheduler: AnyPlanScheduler, base: float, *, step: int, end: int, steps_per_epoch: int) -> Self:
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

    @property
    def is_changed(self) -> bool:
        """Whether a rate set by hand is in force."""
        return self.scale != 1.0 or self.held is not None or self.floor is not None

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

    def epochs_ended(self, step: int) -> int:
        """Return the number of epochs of the run that have ended at a step."""
        return epoch_lengths.epochs_ended(self.lengths, step) if self.lengths else step // self.steps_per_epoch

    @property
    def own_steps_per_epoch(self) -> int:
        """Steps of the schedule's own time in an epoch: those that an epoch had when it began."""
        return epoch_lengths.at_step(self.lengths, self.origin).steps if self.lengths else self.steps_per_epoch

    def step_of_epoch(self, epoch: int) -> int:
        """Return the steps that are taken when so many epochs have ended."""
        return int(epoch_lengths.step_of_epoch(self.lengths, epoch)) if self.lengths else epoch * self.steps_per_epoch

    def shape(self, step: int, watched: Sequence[Watched] = ()) -> float:
        """Return the rate of the schedule at `step`, before manual changes."""
        warm = self.origin + self.scheduler.warmup_steps(self.length)
        seen = [each for each in watched if warm < each[0] <= step] if self.scheduler.watches else []
        clock = Clock(
            step=self.position(step),
            epoch=self.epochs_ended(step) - self.epochs_ended(self.origin),
            total=self.length,
            steps_per_epoch=self.own_steps_per_epoch,
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
        if self.held is not None and self.held_until is not None and self.position(step) < self.held_until:
            return self.held
        shape = self.shape(step, watched)
        if self.held is not None and self.held_until is None and not _scalable(shape, self.held):
            return self.held
        rate = shape * self.scale
        if self.floor is not None and rate < self.floor and self._is_warm(step):
            return self.floor
        return rate

    def with_factor(self, factor: float, step: int, watched: Sequence[Watched] = ()) -> LrPlan:
        """Return the plan with the rate at `step` and the full shape multiplied, peaks included."""
        return self._scaled(self.rate(step, watched) * factor, step, watched)

    def with_rate(self, rate: float, step: int, watched: Sequence[Watched] = ()) -> LrPlan:
        """Return the plan with the rate at `step` set by hand; a lower bound of the schedule holds unscaled.

        Later peaks are not above the higher of this rate and the peaks that were planned.
        """
        return self._set(rate, step, watched, self.scale)

    def with_new_peak(self, rate: float, step: int, watched: Sequence[Watched] = ()) -> LrPlan:
        """Return the plan for an optimizer with this rate of its own: the rate at `step`, which no peak exceeds."""
        return self._set(rate, step, watched, 0.0)

    def _set(self, rate: float, step: int, watched: Sequence[Watched], least: float) -> LrPlan:
        """Return the plan with a rate set by hand, where the shape is going to rise scaled at least by `least`."""
        shape, coming = self.shape(step, watched), self._coming(step, watched)
        top, peak = max(coming, key=lambda each: each[1])
        if not peak > shape * (1 + 1e-9) or (least and rate <= shape * self.scale):
            return self._scaled(rate, step, watched)
        scale = max(least, rate / peak)
        reached = next((at for at, each in coming if each * scale >= rate), top)
        before = max(at for at, _ in coming if at < reached)
        while reached - before > 1:
            middle = (before + reached) // 2
            if self.shape(middle, watched) * scale >= rate:
                reached = middle
            else:
                before = middle
        held = {"held": rate, "held_until": self.position(reached)}
        return self.model_copy(update={"scale": scale, "floor": self._floor(rate, step), "by_hand": rate, **held})

    def _scaled(self, rate: float, step: int, watched: Sequence[Watched]) -> LrPlan:
        """Return the plan with the full shape scaled so that the rate at `step` is `rate`."""
        shape, floor = self.shape(step, watched), self._floor(rate, step)
        if not _scalable(shape, rate):
            return self.model_copy(update={"held": rate, "held_until": None, "floor": floor, "by_hand": rate})
        return self.model_copy(update={"scale": rate / shape, "floor": floor, "by_hand": rate, **_FREE})

    def _floor(self, rate: float, step: int) -> float | None:
        least = self.scheduler.least
        return (min(least, rate) if self._is_warm(step) else least) if least else None

    def _coming(self, step: int, watched: Sequence[Watched]) -> list[tuple[int, float]]:
        """Return (step, rate of the schedule) at every step for a while, then at some to the end of the run.

        They are spread unevenly, so that no cycle is met at the same phase each time.
        """
        last = max(self.end - 1, step)
        if self.scheduler.watches:  # without new values of its metric it can only rise while it warms up
            last = max(min(last, self.origin + self.scheduler.warmup_steps(self.length)), step)
        near = min(step + NEAR, last)
        steps = list(range(step, near + 1))
        if last > near:
            share, many = (last - near) / FAR, min(FAR, last - near)
            far = {near + 1 + int(share * (index + index * GOLDEN % 1)) for index in range(many)}
            steps += sorted(each for each in far | {last} if near < each <= last)
        return [(each, self.shape(each, watched)) for each in steps]

    def _is_warm(self, step: int) -> bool:
        """Return whether the warm-up, which may be below every bound, is over."""
        return self.position(step) >= self.scheduler.warmup_steps(self.length)

    def with_end(self, end: int, step: int) -> LrPlan:
        """Return the plan for a run that now ends at `end`: the rest of the shape is fitted to the rest of the run.

        The rate at `step` does not change, unless the schedule has ended there and has no rate for the steps that are
        added: then it is planned for the new length, and goes on as if the run had been this long from its beginning.
        Shapes that do not span the run, and a warm-up counted in steps, stay the same.
        """
        if not self.scheduler.spans_run:
            return self.model_copy(update={"end": end})
        if step >= self.end and end > step:
            return self._planned_again(end, step)
        position = self.position(step)
        longer = self.model_copy(update={"end": end, "length": max(end - self.origin, 1)})
        warming = position <= self.scheduler.warmup_steps(self.length) < longer.length and self.pace == 1.0
        # A run of very few steps may begin in the middle of a shape; in that case the rate would jump.
        if warming and float(self.scheduler.warmup).is_integer() and longer.shape(step) == self.shape(step):
            return longer
        pace = (self.length - position) / max(end - step, 1)
        return self.model_copy(update={"end": end, "anchor_step": step, "anchor_position": position, "pace": pace})

    def with_batch_size(self, size: int, steps: int, *, step: int, epoch: int, epochs: int, before: int) -> LrPlan:
        """Return the plan for epochs of another length from here on: the rest of the shape is planned in samples.

        A batch of twice the size moves the schedule on by two steps of its own time, so that it is as far as it would
        have been after as many samples. The rate at `step` does not change.

        Args:
            size: samples in a batch from `step` on.
            steps: steps in an epoch from `step` on.
            step, epoch: steps taken, and epochs ended.
            epochs: epochs of the run.
            before: samples in a batch until now.
        """
        begun = EpochLength(step=0, epoch=0, steps=self.steps_per_epoch, batch_size=before)
        earlier = [each for each in self.lengths or (begun,) if each.step < step or not step]
        lengths = (*earlier, EpochLength(step=step, epoch=epoch, steps=steps, batch_size=size))
        position, end = self.position(step), int(epoch_lengths.step_of_epoch(lengths, epochs))
        pace = self.pace * self.steps_per_epoch / steps
        if self.scheduler.spans_run:
            pace = (self.length - position) / max(end - step, 1)
        changed = {"lengths": lengths, "steps_per_epoch": steps, "end": end}
        return self.model_copy(update={**changed, "anchor_step": step, "anchor_position": position, "pace": pace})

    def _planned_again(self, end: int, step: int) -> LrPlan:
        """Return the plan of a run that ended at `step` and now ends at `end`, as if it had been this long.

        A factor that lifted the end of the shape does not lift its middle above the rate that was set by hand.
        """
        length = max(end - self.origin, 1)
        begun = {"length": length, "end": end, "anchor_step": self.origin, "anchor_position": 0.0, "pace": 1.0, **_FREE}
        plan = self.model_copy(update=begun)
        if self.scale <= 1:
            return plan
        peak = max(each for _, each in plan._coming(step, ()))
        most = max((self.by_hand or 0.0) / peak, 1.0) if peak else 1.0
        return plan.model_copy(update={"scale": min(self.scale, most)})

    def coming_rates(self, step: int, watched: Sequence[Watched] = ()) -> tuple[float, float, float]:
        """Return the rate at `step`, the highest from there on, and the one of the last step."""
        rates = [self.rate(each, watched) for each, _ in self._coming(step, watched)]
        return rates[0], max(rates), rates[-1]

    def curve(
        self, first: int, last: int, points: int, watched: Sequence[Watched] = ()
    ) -> tuple[list[int], list[float]]:
        """Return at most `points` steps from `first` to `last` and their rates, for drawing the future rate."""
        if last < first:
            return [], []
        count = min(points, last - first + 1)
        steps = [first + (last - first) * k // max(count - 1, 1) for k in range(count)]
        return steps, [self.rate(step, watched) for step in steps]


NO_RATE = 1e-6
"""Share of the first rate below which a rate trains nothing."""


def _scalable(shape: float, rate: float) -> bool:
    """Return whether a finite factor takes the shape to this rate; a shape halved a thousand times has none."""
    return shape != 0 and isfinite(rate / shape)
