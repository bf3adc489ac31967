"""Every schedule that torch has equals torch's, step by step."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from tui_trainer.components.base import choices
from tui_trainer.components.schedulers.builtin import (
    AnyScheduler,
    Clock,
    Constant,
    Cosine,
    Cyclic,
    Exponential,
    InverseTime,
    LinearDecay,
    OneCycle,
    Plateau,
    Polynomial,
    Scheduler,
    Staircase,
    WarmRestarts,
    WarmupStableDecay,
)
from tui_trainer.components.schedulers.plan import LrPlan

BASE = 0.3
STEPS = 200
PER_EPOCH = 7

Make = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]


def sgd(rate: float = BASE) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)


def torch_rates(make: Make, steps: int, each: int = 1) -> list[float]:
    """The rate of torch's scheduler for each step, its `step` called after every `each` of them."""
    optimizer = sgd()
    scheduler = make(optimizer)
    rates = []
    for step in range(1, steps + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step % each == 0:
            with warnings.catch_warnings():
                # SequentialLR itself calls step(epoch), which torch has deprecated.
                warnings.filterwarnings("ignore", message="The epoch parameter", category=UserWarning)
                scheduler.step()
    return rates


def our_rates(scheduler: Scheduler, steps: int, total: int = STEPS, per_epoch: int = PER_EPOCH) -> list[float]:
    plan = LrPlan.begin(scheduler, BASE, step=0, end=total, steps_per_epoch=per_epoch)
    return [plan.rate(step) for step in range(steps)]


def assert_equal(ours: list[float], theirs: list[float]) -> None:
    # torch's schedulers multiply on from step to step: near zero their own rounding is all that is left.
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-15)


PER_STEP: dict[str, tuple[Scheduler, Make]] = {
    "constant": (Constant(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0, total_iters=5)),
    "constant-third": (Constant(factor=1 / 3, steps=5), lambda o: lr_scheduler.ConstantLR(o)),
    "constant-half-50": (Constant(factor=0.5, steps=50), lambda o: lr_scheduler.ConstantLR(o, 0.5, 50)),
    "inverse-time": (
        InverseTime(decay=0.05, per="step"),
        lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 / (1 + 0.05 * step)),
    ),
    "exponential": (Exponential(gamma=0.97, per="step"), lambda o: lr_scheduler.ExponentialLR(o, 0.97)),
    "exponential-none": (Exponential(gamma=1.0, per="step"), lambda o: lr_scheduler.ExponentialLR(o, 1.0)),
    "staircase": (Staircase(period=30, gamma=0.5, per="step"), lambda o: lr_scheduler.StepLR(o, 30, 0.5)),
    "staircase-each": (Staircase(period=1, gamma=0.9, per="step"), lambda o: lr_scheduler.StepLR(o, 1, 0.9)),
    "staircase-milestones": (
        Staircase(milestones=(20, 75, 150), gamma=0.2, per="step"),
        lambda o: lr_scheduler.MultiStepLR(o, [20, 75, 150], 0.2),
    ),
    "staircase-milestone-twice": (
        Staircase(milestones=(40, 40), gamma=0.5, per="step"),
        lambda o: lr_scheduler.MultiStepLR(o, [40, 40], 0.5),
    ),
    "polynomial-1": (Polynomial(power=1), lambda o: lr_scheduler.PolynomialLR(o, STEPS, 1.0)),
    "polynomial-2": (Polynomial(), lambda o: lr_scheduler.PolynomialLR(o, STEPS, 2.0)),
    "polynomial-0.5": (Polynomial(power=0.5), lambda o: lr_scheduler.PolynomialLR(o, STEPS, 0.5)),
    "linear": (LinearDecay(start_factor=1, end_factor=0), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, STEPS)),
    "linear-up": (LinearDecay(start_factor=1 / 3, end_factor=1), lambda o: lr_scheduler.LinearLR(o, 1 / 3, 1.0, STEPS)),
    "linear-part": (LinearDecay(start_factor=0.9, end_factor=0.2), lambda o: lr_scheduler.LinearLR(o, 0.9, 0.2, STEPS)),
    "cosine": (Cosine(), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
    "cosine-floor": (Cosine(min_lr=0.01), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, 0.01)),
    "warm-restarts": (
        WarmRestarts(first=30, unit="step"),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 30),
    ),
    "warm-restarts-doubling": (
        WarmRestarts(first=13, mult=2, min_lr=0.001, unit="step"),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 13, 2, 0.001),
    ),
    "warm-restarts-tripling": (
        WarmRestarts(first=1, mult=3, unit="step"),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 1, 3),
    ),
    "one-cycle": (OneCycle(), lambda o: lr_scheduler.OneCycleLR(o, BASE, STEPS, cycle_momentum=False)),
    "one-cycle-linear": (
        OneCycle(anneal="linear", rise=0.45, div_factor=10, final_div_factor=100),
        lambda o: lr_scheduler.OneCycleLR(
            o,
            BASE,
            STEPS,
            pct_start=0.45,
            anneal_strategy="linear",
            cycle_momentum=False,
            div_factor=10,
            final_div_factor=100,
        ),
    ),
    "one-cycle-three-phase": (
        OneCycle(three_phase=True, rise=0.4),
        lambda o: lr_scheduler.OneCycleLR(o, BASE, STEPS, pct_start=0.4, three_phase=True, cycle_momentum=False),
    ),
    "one-cycle-early": (
        OneCycle(rise=0.013),
        lambda o: lr_scheduler.OneCycleLR(o, BASE, STEPS, pct_start=0.013, cycle_momentum=False),
    ),
    "cyclic": (
        Cyclic(low=0.1, up=20),
        lambda o: lr_scheduler.CyclicLR(o, 0.1 * BASE, BASE, 20, cycle_momentum=False),
    ),
    "cyclic-slow-fall": (
        Cyclic(low=0.0, up=11, down=35),
        lambda o: lr_scheduler.CyclicLR(o, 0.0, BASE, 11, 35, cycle_momentum=False),
    ),
    "cyclic-halving": (
        Cyclic(low=0.2, up=15, down=10, mode="triangular2"),
        lambda o: lr_scheduler.CyclicLR(o, 0.2 * BASE, BASE, 15, 10, mode="triangular2", cycle_momentum=False),
    ),
    "cyclic-shrinking": (
        Cyclic(low=0.2, up=15, mode="exp-range", gamma=0.99),
        lambda o: lr_scheduler.CyclicLR(o, 0.2 * BASE, BASE, 15, mode="exp_range", gamma=0.99, cycle_momentum=False),
    ),
}

PER_EPOCH_ALONE: dict[str, tuple[Scheduler, Make]] = {
    "inverse-time": (InverseTime(decay=0.2), lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + 0.2 * epoch))),
    "exponential": (Exponential(gamma=0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    "staircase": (Staircase(period=10, gamma=0.1), lambda o: lr_scheduler.StepLR(o, 10, 0.1)),
    "staircase-fifth": (Staircase(period=3, gamma=0.2), lambda o: lr_scheduler.StepLR(o, 3, 0.2)),
    "staircase-milestones": (
        Staircase(milestones=(2, 5, 20), gamma=0.5),
        lambda o: lr_scheduler.MultiStepLR(o, [2, 5, 20], 0.5),
    ),
}


@pytest.mark.parametrize("name", PER_STEP)
def test_equals_torch_at_every_step(name: str) -> None:
    ours, theirs = PER_STEP[name]
    assert_equal(our_rates(ours, STEPS), torch_rates(theirs, STEPS))


@pytest.mark.parametrize("name", PER_EPOCH_ALONE)
def test_equals_torch_when_counted_in_epochs(name: str) -> None:
    ours, theirs = PER_EPOCH_ALONE[name]
    assert_equal(our_rates(ours, STEPS), torch_rates(theirs, STEPS, each=PER_EPOCH))
    assert ours.changes_each == "epoch"


def test_warm_restarts_in_epochs_move_at_every_step() -> None:
    """torch's own recipe: `scheduler.step(epoch + batch / batches)`."""
    optimizer = sgd()
    theirs = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=4, T_mult=2)
    rates = []
    for step in range(STEPS):
        theirs.step(step / PER_EPOCH)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
    assert_equal(our_rates(WarmRestarts(first=4, mult=2), STEPS), rates)


class _AsSequential:
    """What SequentialLR wants: schedulers made before it, each with the optimizer's first rate as its base."""

    def __init__(self, warmup: int, start: float, make: Make) -> None:
        self.warmup, self.start, self.make = warmup, start, make

    def __call__(self, optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        rise = lr_scheduler.LinearLR(optimizer, self.start, 1.0, self.warmup)
        return lr_scheduler.SequentialLR(optimizer, [rise, self.make(optimizer)], [self.warmup])


WARM = 20


@pytest.mark.parametrize("warmup", [WARM, WARM / STEPS])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Constant, lambda o: lr_scheduler.ConstantLR(o, 1.0, 1)),
        (Cosine, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS - WARM)),
        (Polynomial, lambda o: lr_scheduler.PolynomialLR(o, STEPS - WARM, 2.0)),
        (lambda **w: Exponential(gamma=0.98, per="step", **w), lambda o: lr_scheduler.ExponentialLR(o, 0.98)),
        (lambda **w: Staircase(period=25, gamma=0.3, per="step", **w), lambda o: lr_scheduler.StepLR(o, 25, 0.3)),
        (
            lambda **w: InverseTime(decay=0.1, per="step", **w),
            lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 / (1 + 0.1 * step)),
        ),
        (
            lambda **w: WarmRestarts(first=12, mult=2, unit="step", **w),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 12, 2),
        ),
        (LinearDecay, lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, STEPS - WARM)),
        (OneCycle, lambda o: lr_scheduler.OneCycleLR(o, BASE, STEPS - WARM, cycle_momentum=False)),
    ],
    ids=[
        "constant",
        "cosine",
        "polynomial",
        "exponential",
        "staircase",
        "inverse-time",
        "warm-restarts",
        "linear",
        "one-cycle",
    ],
)
def test_warmup_equals_linear_then_the_schedule(ours: Any, theirs: Make, warmup: float) -> None:
    start = 0.05
    scheduler = ours(warmup=warmup, warmup_start=start)
    assert scheduler.warmup_steps(STEPS) == WARM
    assert scheduler.changes_each == "step"
    assert_equal(our_rates(scheduler, STEPS), torch_rates(_AsSequential(WARM, start, theirs), STEPS))


@pytest.mark.parametrize("kind", choices(AnyScheduler))
def test_warmup_rises_to_where_the_schedule_begins(kind: str) -> None:
    """Also where that is below the optimizer's rate: torch's SequentialLR would rise to the latter and jump."""
    cls = choices(AnyScheduler)[kind]
    rates = our_rates(cls.model_validate({"kind": kind, "warmup": WARM, "warmup_start": 0.1}), WARM + 1)
    first = cls().shape(BASE, Clock(0, 0, STEPS - WARM, PER_EPOCH))
    assert rates == pytest.approx([first * (0.1 + 0.9 * step / WARM) for step in range(WARM + 1)])


def test_warmup_of_whole_epochs_leaves_a_schedule_in_epochs_as_it_was() -> None:
    warmup = 3 * PER_EPOCH
    plain = our_rates(Staircase(period=4, gamma=0.5), STEPS - warmup)
    assert our_rates(Staircase(period=4, gamma=0.5, warmup=warmup), STEPS)[warmup:] == plain


def test_warmup_must_be_a_share_or_whole_steps() -> None:
    with pytest.raises(ValueError, match="whole number of steps"):
        Cosine(warmup=2.5)


WATCHED = st.lists(
    st.one_of(
        st.floats(0, 3, allow_nan=False),
        st.sampled_from([0.0, 0.5, 0.5 - 1e-4, 0.5 * (1 - 1e-4), 1.0]),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(
    values=WATCHED,
    factor=st.sampled_from([0.1, 0.5, 0.9]),
    patience=st.integers(0, 4),
    threshold=st.sampled_from([0.0, 1e-4, 0.05]),
    mode=st.sampled_from(["rel", "abs"]),
    cooldown=st.integers(0, 3),
    min_lr=st.sampled_from([0.0, 0.01]),
    eps=st.sampled_from([1e-8, 0.05]),
)
@example([1.0] * 12, 0.1, 2, 1e-4, "rel", 0, 0.0, 1e-8)
def test_plateau_equals_torch_on_any_history(
    values: list[float],
    factor: float,
    patience: int,
    threshold: float,
    mode: Any,
    cooldown: int,
    min_lr: float,
    eps: float,
) -> None:
    ours = Plateau(
        factor=factor,
        patience=patience,
        threshold=threshold,
        threshold_mode=mode,
        cooldown=cooldown,
        min_lr=min_lr,
        eps=eps,
    )
    optimizer = sgd()
    theirs = lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, threshold=threshold, threshold_mode=mode, cooldown=cooldown,
        min_lr=min_lr, eps=eps,
    )  # fmt: skip
    plan = LrPlan.begin(ours, BASE, step=0, end=1000, steps_per_epoch=10)
    watched: list[tuple[int, float]] = []
    for epoch, value in enumerate(values, start=1):
        watched.append((epoch * 10, value))
        theirs.step(value)
        assert plan.rate(epoch * 10, watched) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)


def test_plateau_drops_after_patience_plus_one_bad_epochs() -> None:
    plateau = Plateau(patience=2)
    rates = [plateau.shape(1.0, Clock(0, 0, 100, 1, [1.0] * count)) for count in range(8)]
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01])


def test_plateau_passes_over_what_is_not_a_number() -> None:
    plateau = Plateau(patience=1, factor=0.5)
    known = [1.0, 1.0, 1.0]
    for hole in (math.nan, math.inf):
        assert plateau.shape(1.0, Clock(0, 0, 100, 1, [hole, 1.0, hole, hole, 1.0, hole, 1.0])) == plateau.shape(
            1.0, Clock(0, 0, 100, 1, known)
        )


@pytest.mark.parametrize("fall", ["linear", "cosine", "sqrt"])
def test_warmup_stable_decay(fall: Any) -> None:
    rates = our_rates(WarmupStableDecay(warmup=20, warmup_start=0.0, decay=0.25, end_factor=0.1, fall=fall), STEPS + 1)
    assert rates[0] == 0
    assert rates[:20] == pytest.approx([BASE * step / 20 for step in range(20)])
    assert rates[20:156] == pytest.approx([BASE] * 136)
    assert rates[STEPS] == pytest.approx(0.1 * BASE)
    fallen = rates[155:]
    assert fallen == sorted(fallen, reverse=True)  # and never up again


def test_one_over_t_is_its_formula_exactly() -> None:
    rates = our_rates(InverseTime(decay=0.3, per="step"), STEPS)
    assert rates == [BASE / (1 + 0.3 * step) for step in range(STEPS)]


def test_exponential_is_its_formula() -> None:
    rates = our_rates(Exponential(gamma=math.exp(-0.02), per="step"), STEPS)
    assert rates == pytest.approx([BASE * math.exp(-0.02 * step) for step in range(STEPS)], rel=1e-12)


@pytest.mark.parametrize("kind", choices(AnyScheduler))
def test_no_schedule_leaves_the_finite_numbers(kind: str) -> None:
    """Also at the end of a run and past it, and in runs of one step."""
    for total in (1, 2, 3, 50):
        for per_epoch in (1, 50):
            plan = LrPlan.begin(choices(AnyScheduler)[kind](), BASE, step=0, end=total, steps_per_epoch=per_epoch)
            for step in (0, 1, total - 1, total, total + 1, 3 * total):
                assert 0 <= plan.rate(step) <= BASE * (1 + 1e-12), (total, step)
