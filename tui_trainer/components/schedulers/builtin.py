"""Learning-rate schedules: pure functions of a clock, in closed form.

Nothing here remembers anything. A schedule says what the rate is at a point of time, so the same object trains, draws
the coming rate, is swapped while a run goes on and resumes for nothing. Where torch has the schedule, the rates equal
torch's step by step (`tests/components/test_schedulers.py`).
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tui_trainer.components.base import Count, NonNegative, Positive, Share, Whole
from tui_trainer.components.schedulers.base import Clock, Scheduler, Unit
from tui_trainer.components.schedulers.torch_expression import curve_of


class Constant(Scheduler):
    """The same rate throughout; with `steps`, a different share of it at first (torch `ConstantLR`)."""

    kind: Literal["constant"] = "constant"
    factor: Positive = 1.0
    """Share of the rate used for the first `steps`."""
    steps: Whole = 0
    """Steps for which `factor` holds."""

    def shape(self, base: float, clock: Clock) -> float:
        return base * self.factor if clock.step < self.steps else base

    @property
    def changes_each(self) -> Unit:
        return "step" if self.warmup or self.steps else "epoch"


class InverseTime(Scheduler):
    """1/t decay: t_k = base / (1 + decay k), the classic of stochastic approximation (torch `LambdaLR`)."""

    kind: Literal["inverse-time"] = "inverse-time"
    decay: NonNegative = 0.2
    """How fast the rate falls: after 1/decay counts it has halved."""
    per: Unit = "epoch"
    """What k counts."""

    def shape(self, base: float, clock: Clock) -> float:
        return base / (1 + self.decay * clock.count(self.per))


class Exponential(Scheduler):
    """Exponential decay: t_k = base gamma^k = base e^(-beta k) with gamma = e^-beta (torch `ExponentialLR`)."""

    kind: Literal["exponential"] = "exponential"
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.9
    """What the rate is multiplied by at each count."""
    per: Unit = "epoch"
    """What k counts."""

    def shape(self, base: float, clock: Clock) -> float:
        return base * self.gamma ** clock.count(self.per)


class Staircase(Scheduler):
    """Step decay: the rate times `gamma` every `period`, or at each milestone (torch `StepLR`, `MultiStepLR`)."""

    kind: Literal["staircase"] = "staircase"
    period: Count = 10
    """Counts between two drops; not used where milestones are given."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    """What the rate is multiplied by at each drop."""
    milestones: tuple[Count, ...] = ()
    """Counts at which the rate drops, in place of a fixed period."""
    per: Unit = "epoch"
    """What is counted."""

    def shape(self, base: float, clock: Clock) -> float:
        count = clock.count(self.per)
        drops = sum(count >= milestone for milestone in self.milestones) if self.milestones else count // self.period
        return base * self.gamma**drops


class Polynomial(Scheduler):
    """base (1 - k/T)^power, down to zero at the end of the run (torch `PolynomialLR`)."""

    spans_run = True
    kind: Literal["polynomial"] = "polynomial"
    power: Positive = 2.0
    """1 is a straight line; larger falls earlier."""

    def shape(self, base: float, clock: Clock) -> float:
        return base * (1 - min(clock.step / clock.total, 1)) ** self.power


class LinearDecay(Scheduler):
    """A straight line from one share of the rate to another over the run (torch `LinearLR`)."""

    spans_run = True
    kind: Literal["linear"] = "linear"
    start_factor: NonNegative = 1.0
    """Share of the rate at the start."""
    end_factor: NonNegative = 0.0
    """Share of the rate at the end of the run."""

    def shape(self, base: float, clock: Clock) -> float:
        return base * (self.start_factor + (self.end_factor - self.start_factor) * min(clock.step / clock.total, 1))


class Cosine(Scheduler):
    """Half a cosine from the rate to `min_lr` at the end of the run (torch `CosineAnnealingLR`; arXiv 1608.03983)."""

    spans_run = True
    kind: Literal["cosine"] = "cosine"
    min_lr: NonNegative = 0.0
    """The rate at the end of the run."""

    def shape(self, base: float, clock: Clock) -> float:
        return _cosine(base, self.min_lr, min(clock.step / clock.total, 1))


class WarmRestarts(Scheduler):
    """A cosine that starts again after `first` counts, and each time lasts `mult` times as long.

    torch `CosineAnnealingWarmRestarts`; arXiv 1608.03983.
    """

    kind: Literal["warm-restarts"] = "warm-restarts"
    first: Count = 10
    """Length of the first cycle."""
    mult: Count = 1
    """How much longer each cycle is than the one before."""
    min_lr: NonNegative = 0.0
    """The rate at the end of a cycle."""
    unit: Unit = "epoch"
    """What the length of a cycle counts; the rate moves at every step either way."""

    def shape(self, base: float, clock: Clock) -> float:
        passed = clock.step if self.unit == "step" else clock.step / clock.steps_per_epoch
        if self.mult == 1:
            return _cosine(base, self.min_lr, (passed % self.first) / self.first)
        # Cycle n starts at first (mult^n - 1) / (mult - 1). The logarithm may land one off at a boundary: step back on.
        cycle = int(math.log(passed / self.first * (self.mult - 1) + 1, self.mult))
        while self._start(cycle + 1) <= passed:
            cycle += 1
        while self._start(cycle) > passed:
            cycle -= 1
        return _cosine(base, self.min_lr, (passed - self._start(cycle)) / (self.first * self.mult**cycle))

    def _start(self, cycle: int) -> int:
        return self.first * (self.mult**cycle - 1) // (self.mult - 1)


class OneCycle(Scheduler):
    """Up to the rate and far below it within one run (torch `OneCycleLR`; arXiv 1708.07120).

    The optimizer's rate is the peak. Momentum stays as it is: torch's `cycle_momentum` is off.
    """

    spans_run = True
    kind: Literal["one-cycle"] = "one-cycle"
    rise: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Share of the run that climbs (torch `pct_start`)."""
    div_factor: Positive = 25.0
    """The run starts at the peak divided by this."""
    final_div_factor: Positive = 1e4
    """The run ends at its first rate divided by this."""
    anneal: Literal["cosine", "linear"] = "cosine"
    """The shape of the climb and of the fall."""
    three_phase: bool = False
    """Fall back symmetrically first, then to the final rate."""

    def shape(self, base: float, clock: Clock) -> float:
        low, last = base / self.div_factor, base / self.div_factor / self.final_div_factor
        end = clock.total - 1
        top = self.rise * clock.total - 1
        if self.three_phase:
            phases = [(top, low, base), (2 * self.rise * clock.total - 2, base, low), (end, low, last)]
        else:
            phases = [(top, low, base), (end, base, last)]
        step, start = min(clock.step, end), 0.0
        for until, begin, finish in phases[:-1]:
            if step <= until:
                return self._between(begin, finish, start, until, step)
            start = until
        until, begin, finish = phases[-1]
        return self._between(begin, finish, start, until, step)

    def _between(self, begin: float, finish: float, start: float, until: float, step: float) -> float:
        share = min(max((step - start) / (until - start), 0.0), 1.0) if until > start else 1.0
        if self.anneal == "linear":
            return begin + (finish - begin) * share
        return finish + (begin - finish) / 2 * (1 + math.cos(math.pi * share))


class Cyclic(Scheduler):
    """A triangle between a low rate and the optimizer's rate, again and again (torch `CyclicLR`; arXiv 1506.01186).

    torch's `base_lr` is `low` times the optimizer's rate, its `max_lr` the optimizer's rate; `cycle_momentum` is off.
    """

    kind: Literal["cyclic"] = "cyclic"
    low: Share = 0.1
    """Share of the rate at the bottom of the triangle."""
    up: Count = 200
    """Steps of the rising half (torch `step_size_up`)."""
    down: Count | None = None
    """Steps of the falling half; as many as rise, where none are given."""
    mode: Literal["triangular", "triangular2", "exp-range"] = "triangular"
    """Peaks of one height, halved each cycle, or shrinking by `gamma` each step."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 1.0
    """For exp-range: what the height is multiplied by at each step."""

    def shape(self, base: float, clock: Clock) -> float:
        length = self.up + (self.down or self.up)
        ratio = self.up / length
        cycle = math.floor(1 + clock.step / length)
        within = 1 + clock.step / length - cycle
        height = within / ratio if within <= ratio else (within - 1) / (ratio - 1)
        if self.mode == "triangular2":
            height /= 2.0 ** (cycle - 1)
        elif self.mode == "exp-range":
            height *= self.gamma**clock.step
        low = base * self.low
        return low + (base - low) * height


class WarmupStableDecay(Scheduler):
    """Up, a long plateau, and a fall at the end of the run (trapezoidal; arXiv 2404.06395)."""

    spans_run = True
    kind: Literal["warmup-stable-decay"] = "warmup-stable-decay"
    warmup: Annotated[float, Field(ge=0)] = 0.05
    """Steps (a whole number) or share of the run (below 1) over which the rate first rises in a straight line."""
    decay: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Share of the run, after the warm-up, over which the rate falls at the end."""
    end_factor: Share = 0.0
    """Share of the rate at the end of the run."""
    fall: Literal["linear", "cosine", "sqrt"] = "linear"
    """The shape of the fall: a line, half a cosine, or 1 - sqrt(t)."""

    def shape(self, base: float, clock: Clock) -> float:
        length = self.decay * clock.total
        share = min(max((clock.step - (clock.total - length)) / length, 0.0), 1.0)
        last = base * self.end_factor
        if self.fall == "cosine":
            return _cosine(base, last, share)
        return last + (base - last) * (1 - (math.sqrt(share) if self.fall == "sqrt" else share))


class Plateau(Scheduler):
    """Drop the rate when a metric stops improving (torch `ReduceLROnPlateau`).

    As in torch, `patience` bad epochs are forgiven and the next one drops the rate. Unlike torch, an epoch whose value
    is not finite counts for nothing: it neither drops the rate nor resets the count.
    """

    watches = True
    kind: Literal["plateau"] = "plateau"
    watch: Literal["val_loss", "val_error", "train_loss"] = "val_loss"
    """The metric: validation loss, validation error (1 - accuracy), or the training objective of the epoch."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """What the rate is multiplied by at each drop."""
    patience: Whole = 10
    """Epochs without improvement that are forgiven before the rate drops."""
    threshold: NonNegative = 1e-4
    """The improvement that counts."""
    threshold_mode: Literal["rel", "abs"] = "rel"
    """Whether the threshold is a share of the best value or a difference from it."""
    cooldown: Whole = 0
    """Epochs after a drop during which nothing is counted."""
    min_lr: NonNegative = 0.0
    """The rate is never dropped below this."""
    eps: NonNegative = 1e-8
    """A drop smaller than this is not made."""

    @property
    def changes_each(self) -> Unit:
        return "step" if self.warmup else "epoch"

    def shape(self, base: float, clock: Clock) -> float:
        rate, best, bad, cooldown = base, math.inf, 0, 0
        for value in clock.watched:
            if not math.isfinite(value):
                continue
            bound = best * (1 - self.threshold) if self.threshold_mode == "rel" else best - self.threshold
            if value < bound:
                best, bad = value, 0
            else:
                bad += 1
            if cooldown > 0:
                cooldown, bad = cooldown - 1, 0
            if bad > self.patience:
                dropped = max(rate * self.factor, self.min_lr)
                if rate - dropped > self.eps:
                    rate = dropped
                cooldown, bad = self.cooldown, 0
        return rate


class Torch(Scheduler):
    """Any of torch's schedulers by the call that makes it, in closed form: nothing is run, and torch is not needed.

    Rates that torch would overwrite when they were set by hand (LambdaLR, CyclicLR, OneCycleLR) stay set here.
    """

    kind: Literal["torch"] = "torch"
    call: Annotated[str, Field(max_length=1000)] = "ExponentialLR(gamma=0.9)"
    """The call without the optimizer, as in "StepLR(step_size=30)" or "LambdaLR(lambda epoch: 1 / (1 + epoch))"."""
    per: Unit = "epoch"
    """How often its `step` is called."""

    @model_validator(mode="after")
    def _readable(self) -> Torch:
        curve_of(self.call)
        return self

    def shape(self, base: float, clock: Clock) -> float:
        return curve_of(self.call)(base, clock.count(self.per))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


AnyScheduler = Annotated[
    Constant
    | InverseTime
    | Exponential
    | Staircase
    | Polynomial
    | LinearDecay
    | Cosine
    | WarmRestarts
    | OneCycle
    | Cyclic
    | WarmupStableDecay
    | Plateau
    | Torch,
    Field(discriminator="kind"),
]
"""Every schedule. A new one is a class above and its name here."""
