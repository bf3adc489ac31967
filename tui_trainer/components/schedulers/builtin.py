"""Learning-rate schedules in closed form, as stateless functions of a clock.

A schedule computes the learning rate at any point of time and keeps no state. The same object therefore trains, draws
the coming rate, can be swapped during a run, and resumes without being saved. Where torch has the schedule, the rates
equal torch's step by step (`tests/components/schedulers/test_builtin.py`).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tui_trainer.components.base import Arguments, Count, ImportPath, NonNegative, Positive, Share, Whole, choices
from tui_trainer.components.schedulers.base import Clock, Scheduler, Unit
from tui_trainer.components.schedulers.torch_expression import Curve, curve_of


class Constant(Scheduler):
    """A constant learning rate; with `steps`, a multiple of it for the first steps (torch `ConstantLR`)."""

    kind: Literal["constant"] = "constant"
    factor: Positive = 1.0
    """Factor on the learning rate during the first `steps` steps."""
    steps: Whole = 0
    """Number of steps with `factor` applied."""

    def shape(self, base: float, clock: Clock) -> float:
        return base * self.factor if clock.step < self.steps else base

    @property
    def changes_each(self) -> Unit:
        return "step" if self.warmup or self.steps else "epoch"


class InverseTime(Scheduler):
    """1/t decay: lr_k = base / (1 + decay k), the classic schedule of stochastic approximation (torch `LambdaLR`)."""

    kind: Literal["inverse-time"] = "inverse-time"
    decay: NonNegative = 0.2
    """Decay speed: the learning rate has halved after 1/decay epochs (or steps)."""
    per: Unit = "epoch"
    """Unit of k: epochs or steps."""

    def shape(self, base: float, clock: Clock) -> float:
        return base / (1 + self.decay * clock.count(self.per))


class Exponential(Scheduler):
    """Exponential decay: lr_k = base gamma^k = base e^(-beta k) with gamma = e^-beta (torch `ExponentialLR`)."""

    kind: Literal["exponential"] = "exponential"
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Factor on the learning rate at each epoch (or step)."""
    per: Unit = "epoch"
    """Unit of k: epochs or steps."""

    def shape(self, base: float, clock: Clock) -> float:
        return base * self.gamma ** clock.count(self.per)


class Staircase(Scheduler):
    """Step decay: multiply the rate by `gamma` every `period`, or at milestones (torch `StepLR`, `MultiStepLR`)."""

    kind: Literal["staircase"] = "staircase"
    period: Count = 10
    """Epochs (or steps) between two drops; ignored if milestones are given."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Factor on the learning rate at each drop."""
    milestones: tuple[Count, ...] = ()
    """Epochs (or steps) at which the learning rate drops, instead of a fixed period."""
    per: Unit = "epoch"
    """Unit of period and milestones: epochs or steps."""

    def shape(self, base: float, clock: Clock) -> float:
        count = clock.count(self.per)
        drops = sum(count >= milestone for milestone in self.milestones) if self.milestones else count // self.period
        return base * self.gamma**drops


class Polynomial(Scheduler):
    """Polynomial decay: base (1 - k/T)^power, reaching zero at the end of the run (torch `PolynomialLR`)."""

    spans_run = True
    kind: Literal["polynomial"] = "polynomial"
    power: Positive = 2.0
    """Exponent; 1 is a straight line, larger values decay earlier."""

    def shape(self, base: float, clock: Clock) -> float:
        return base * (1 - min(clock.step / clock.total, 1)) ** self.power


class LinearDecay(Scheduler):
    """A linear change from one multiple of the learning rate to another over the run (torch `LinearLR`)."""

    spans_run = True
    kind: Literal["linear"] = "linear"
    start_factor: NonNegative = 1.0
    """Factor on the learning rate at the start of the run."""
    end_factor: NonNegative = 0.0
    """Factor on the learning rate at the end of the run."""

    def shape(self, base: float, clock: Clock) -> float:
        return base * (self.start_factor + (self.end_factor - self.start_factor) * min(clock.step / clock.total, 1))


class Cosine(Scheduler):
    """Cosine annealing to `min_lr` at the end of the run (torch `CosineAnnealingLR`; arXiv 1608.03983)."""

    spans_run = True
    kind: Literal["cosine"] = "cosine"
    min_lr: NonNegative = 0.0
    """Learning rate at the end of the run."""

    def shape(self, base: float, clock: Clock) -> float:
        return _cosine(base, self.min_lr, min(clock.step / clock.total, 1))


class WarmRestarts(Scheduler):
    """Cosine annealing with warm restarts: each cycle is `mult` times as long as the last.

    torch `CosineAnnealingWarmRestarts`; arXiv 1608.03983.
    """

    kind: Literal["warm-restarts"] = "warm-restarts"
    first: Count = 10
    """Length of the first cycle, in epochs or steps (torch `T_0`)."""
    mult: Count = 1
    """Factor on the cycle length after each restart (torch `T_mult`)."""
    min_lr: NonNegative = 0.0
    """Learning rate at the end of a cycle (torch `eta_min`)."""
    unit: Unit = "epoch"
    """Unit of the cycle length: epochs or steps; the learning rate changes at every step in both cases."""

    def shape(self, base: float, clock: Clock) -> float:
        passed = clock.step if self.unit == "step" else clock.step / clock.steps_per_epoch
        if self.mult == 1:
            return _cosine(base, self.min_lr, (passed % self.first) / self.first)
        # Cycle n starts at first (mult^n - 1) / (mult - 1). Rounding of the logarithm may be off by one at a boundary.
        cycle = int(math.log(passed / self.first * (self.mult - 1) + 1, self.mult))
        while self._start(cycle + 1) <= passed:
            cycle += 1
        while self._start(cycle) > passed:
            cycle -= 1
        return _cosine(base, self.min_lr, (passed - self._start(cycle)) / (self.first * self.mult**cycle))

    def _start(self, cycle: int) -> int:
        return self.first * (self.mult**cycle - 1) // (self.mult - 1)


class OneCycle(Scheduler):
    """One-cycle policy: rise to a peak, then anneal far below the start (torch `OneCycleLR`; arXiv 1708.07120).

    The optimizer's learning rate is the peak. The momentum is not changed (torch `cycle_momentum=False`).
    """

    spans_run = True
    kind: Literal["one-cycle"] = "one-cycle"
    rise: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Fraction of the run spent increasing the learning rate (torch `pct_start`)."""
    div_factor: Positive = 25.0
    """Initial learning rate = peak / div_factor."""
    final_div_factor: Positive = 1e4
    """Final learning rate = initial learning rate / final_div_factor."""
    anneal: Literal["cosine", "linear"] = "cosine"
    """Shape of the rise and of the fall (torch `anneal_strategy`)."""
    three_phase: bool = False
    """Add a third phase: fall back symmetrically to the initial rate first, then anneal to the final rate."""

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
    """A repeated triangle between a low learning rate and the optimizer's (torch `CyclicLR`; arXiv 1506.01186).

    The optimizer's learning rate is torch's `max_lr`, and `low` times it is `base_lr`; `cycle_momentum` is off.
    """

    kind: Literal["cyclic"] = "cyclic"
    low: Share = 0.1
    """Lowest learning rate, as a fraction of the optimizer's."""
    up: Count = 200
    """Number of steps in the rising half of a cycle (torch `step_size_up`)."""
    down: Count | None = None
    """Number of steps in the falling half of a cycle; the same as `up` if not given (torch `step_size_down`)."""
    mode: Literal["triangular", "triangular2", "exp-range"] = "triangular"
    """Amplitude: constant, halved each cycle (triangular2), or multiplied by `gamma` at each step (exp-range)."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor on the amplitude at each step, for exp-range."""

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
    """Warm-up, a constant learning rate, and a decay at the end of the run (trapezoidal; arXiv 2404.06395)."""

    spans_run = True
    kind: Literal["warmup-stable-decay"] = "warmup-stable-decay"
    warmup: Annotated[float, Field(ge=0)] = 0.05
    """Length of the linear warm-up: a number of steps, or a fraction of the run if below 1."""
    decay: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Fraction of the run, after the warm-up, over which the learning rate decays at the end."""
    end_factor: Share = 0.0
    """Factor on the learning rate at the end of the run."""
    fall: Literal["linear", "cosine", "sqrt"] = "linear"
    """Shape of the decay: linear, cosine, or 1 - sqrt(t)."""

    def shape(self, base: float, clock: Clock) -> float:
        length = self.decay * clock.total
        share = min(max((clock.step - (clock.total - length)) / length, 0.0), 1.0)
        last = base * self.end_factor
        if self.fall == "cosine":
            return _cosine(base, last, share)
        return last + (base - last) * (1 - (math.sqrt(share) if self.fall == "sqrt" else share))


class Plateau(Scheduler):
    """Reduce the learning rate when a metric stops improving (torch `ReduceLROnPlateau`).

    As in torch, the learning rate drops after `patience` + 1 epochs without improvement. Epochs without a validation
    count as those before them; epochs of the warm-up do not count. Unlike in torch, an epoch with
    a metric that is not finite is ignored: it neither drops the learning rate nor resets the count; and a relative
    threshold is a share of the magnitude, so that a negative metric can stop improving too.
    """

    watches = True
    kind: Literal["plateau"] = "plateau"
    watch: Literal["val_loss", "val_error", "train_loss"] = "val_loss"
    """Metric to watch: validation loss, validation error (1 - accuracy), or the mean training loss of the epoch."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Factor on the learning rate at each drop."""
    patience: Whole = 10
    """Number of epochs without improvement to allow before the learning rate drops."""
    threshold: NonNegative = 1e-4
    """Smallest change of the metric that counts as an improvement."""
    threshold_mode: Literal["rel", "abs"] = "rel"
    """Whether the threshold is relative to the best value (rel) or an absolute difference (abs)."""
    cooldown: Whole = 0
    """Number of epochs to wait after a drop before counting again."""
    min_lr: NonNegative = 0.0
    """Lower bound on the learning rate."""
    eps: NonNegative = 1e-8
    """Smallest reduction of the learning rate; smaller ones are skipped."""

    @property
    def changes_each(self) -> Unit:
        return "step" if self.warmup else "epoch"

    def shape(self, base: float, clock: Clock) -> float:
        rate, best, bad, cooldown = base, math.inf, 0, 0
        for index, value in enumerate(clock.watched):
            epochs = clock.watched_epochs[index] if clock.watched_epochs else 1
            if not math.isfinite(value):
                continue
            if value < self._bound(best):
                best, bad = value, 0
            else:
                bad += epochs
            if cooldown > 0:
                cooldown, bad = max(cooldown - epochs, 0), max(min(bad, epochs - cooldown), 0)
            if bad > self.patience:
                dropped = max(rate * self.factor, self.min_lr)
                if rate - dropped > self.eps:
                    rate = dropped
                cooldown, bad = self.cooldown, 0
        return rate

    def _bound(self, best: float) -> float:
        """Return what a value must be below to count as an improvement.

        A relative threshold is a share of the magnitude: torch's `best * (1 - threshold)` is above a negative best, so
        that there every small change counts as one.
        """
        if self.threshold_mode == "abs":
            return best - self.threshold
        return best * (1 - self.threshold if best >= 0 else 1 + self.threshold)


class Torch(Scheduler):
    """A torch scheduler given as text, evaluated in closed form: no code is run.

    A learning rate set by hand is kept as a factor, also for the schedulers with which torch would overwrite it
    (LambdaLR, CyclicLR, OneCycleLR).
    """

    kind: Literal["torch"] = "torch"
    call: Annotated[str, Field(max_length=1000)] = "ExponentialLR(gamma=0.9)"
    """Call without the optimizer, as in "StepLR(step_size=30)" or "LambdaLR(lambda epoch: 1 / (1 + epoch))"."""
    per: Unit = "epoch"
    """Call the scheduler's `step` after each epoch or after each step."""

    @model_validator(mode="after")
    def _readable(self) -> Torch:
        _torch_curve(self.call)
        return self

    def shape(self, base: float, clock: Clock) -> float:
        return _torch_curve(self.call)(base, clock.count(self.per))


class ImportedScheduler(Scheduler):
    """A torch scheduler of your own: `function(optimizer, **arguments)` returns it.

    The training process calls the function with a placeholder optimizer (SGD with momentum), steps the scheduler over
    the planned length of the run, and reads the learning rate from the sampled curve, whose last value holds after its
    end. Changes to the momentum are ignored. This runs code, so the run must be trusted (`--trust`).
    """

    runs_code = True
    kind: Literal["import"] = "import"
    path: ImportPath = ""
    """Scheduler class or function, as `module:name`; modules in the working directory are found too."""
    arguments: Annotated[Arguments, Field(default_factory=dict)]
    """Keyword arguments passed after the optimizer."""
    per: Unit = "epoch"
    """Call the scheduler's `step` after each epoch or after each step."""

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def shape(self, base: float, clock: Clock) -> float:
        # Without a curve, as before a run has begun, only the initial rate is known.
        return clock.sampled.at(clock.count(self.per)) if clock.sampled is not None else base


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
    | Torch
    | ImportedScheduler,
    Field(discriminator="kind"),
]
"""Every schedule. To add one, write a class above and add its name here."""


@cache
def _torch_curve(call: str) -> Curve:
    return curve_of(call, choices(AnyScheduler))
