"""What hands change about a schedule: the rate, and the end of the run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tui_trainer.components.base import choices
from tui_trainer.components.schedulers.builtin import (
    AnyScheduler,
    Constant,
    Cosine,
    Cyclic,
    Exponential,
    LinearDecay,
    OneCycle,
    Plateau,
    Polynomial,
    Scheduler,
    Staircase,
    Torch,
    WarmRestarts,
    WarmupStableDecay,
)
from tui_trainer.components.schedulers.plan import LrPlan

BASE = 0.1

SCHEDULERS: list[Scheduler] = [
    *(cls() for cls in choices(AnyScheduler).values()),
    Constant(factor=0.2, steps=30),
    Constant(warmup=0.2),
    Cosine(warmup=0.1),
    Cosine(warmup=25, warmup_start=0.0),
    Cosine(min_lr=0.01),
    Exponential(gamma=0.99, per="step", warmup=0.1),
    Staircase(period=2, gamma=0.5, warmup=40),
    LinearDecay(start_factor=0.2, end_factor=0.9),
    Polynomial(power=0.5, warmup=0.3),
    OneCycle(three_phase=True),
    Cyclic(low=0.0, up=7, down=5, warmup=10),
    WarmRestarts(first=9, mult=2, unit="step", warmup=0.05),
    WarmupStableDecay(decay=1.0, fall="sqrt"),
    Plateau(patience=1, warmup=0.1),
]

schedulers = st.sampled_from(SCHEDULERS)
rates = st.floats(1e-8, 1e3)


def begin(scheduler: Scheduler, end: int = 200, step: int = 0) -> LrPlan:
    return LrPlan.begin(scheduler, BASE, step=step, end=end, steps_per_epoch=10)


def history(upto: int) -> list[tuple[int, float]]:
    """A validation loss that falls and then stays, so that a plateau drops the rate again and again."""
    return [(step, max(1.0 - step / 100, 0.5)) for step in range(10, upto + 1, 10)]


@settings(deadline=None)
@given(schedulers, st.integers(1, 400), rates, st.data())
def test_a_rate_set_by_hand_holds_at_once(scheduler: Scheduler, end: int, rate: float, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, end))
    plan = begin(scheduler, end).with_rate(rate, step, history(step))
    assert plan.rate(step, history(step)) == pytest.approx(rate, rel=1e-12)


@settings(deadline=None)
@given(schedulers, rates, st.integers(0, 199))
def test_a_factor_keeps_the_shape_above_its_lower_bound(scheduler: Scheduler, rate: float, step: int) -> None:
    plan = begin(scheduler)
    assume(plan.rate(step, history(step)) > 0)
    ratio = rate / plan.rate(step, history(step))
    changed = plan.with_factor(ratio, step, history(step))
    for later in range(step, 200):
        seen = history(later)
        warm = later >= scheduler.warmup_steps(200)
        least = (min(scheduler.least, rate) if step >= scheduler.warmup_steps(200) else scheduler.least) if warm else 0
        assert changed.rate(later, seen) == pytest.approx(max(plan.rate(later, seen) * ratio, least), rel=1e-9)


@settings(deadline=None)
@given(rates, rates)
def test_the_last_rate_set_by_hand_counts(first: float, second: float) -> None:
    once = begin(Cosine()).with_rate(second, 50)
    twice = begin(Cosine()).with_rate(first, 50).with_rate(second, 50)
    assert twice.curve(50, 199, 150)[1] == pytest.approx(once.curve(50, 199, 150)[1])


def test_a_rate_set_where_the_shape_is_zero_holds_there() -> None:
    ended = begin(Torch(call="PolynomialLR(total_iters=20)")).with_end(300, 200)
    assert [ended.rate(step) for step in (200, 250, 299)] == [0, 0, 0]
    lifted = ended.with_rate(0.02, 210)
    assert [lifted.rate(step) for step in (210, 250, 299)] == [0.02] * 3


@settings(deadline=None)
@given(schedulers, rates, st.integers(0, 199))
def test_no_peak_is_above_the_rate_set_by_hand_and_the_peak_that_was_planned(
    scheduler: Scheduler, rate: float, step: int
) -> None:
    plan, seen = begin(scheduler), history(step)
    planned = max(plan.rate(at, seen) for at in range(step, 200))
    changed = plan.with_rate(rate, step, seen)
    assert max(changed.rate(at, seen) for at in range(step, 200)) <= max(rate, planned) * (1 + 1e-9)
    new = plan.with_new_peak(rate, step, seen)
    assert max(new.rate(at, seen) for at in range(step, 200)) <= max(rate, scheduler.least) * (1 + 1e-9)
    assert new.rate(step, seen) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize("scheduler", [each for each in SCHEDULERS if each.spans_run and each.kind != "linear"])
@pytest.mark.parametrize("by_hand", [None, 0.02])
def test_a_schedule_that_has_ended_is_planned_for_the_new_length(scheduler: Scheduler, by_hand: float | None) -> None:
    plan = begin(scheduler)
    if by_hand is not None:
        plan = plan.with_rate(by_hand, 198)
    longer, whole = plan.with_end(400, 200), begin(scheduler, 400)
    rates = [longer.rate(step) for step in range(200, 400)]
    if by_hand is None:
        assert rates == [whole.rate(step) for step in range(200, 400)]
    assert 0 < max(rates) <= BASE
    assert longer.rate(400) == pytest.approx(whole.rate(400), abs=1e-6)


@pytest.mark.parametrize("drops", [0, 100, 300, 306, 310, 315, 321, 323, 324, 400])
def test_a_rate_is_set_however_far_the_shape_has_dropped(drops: int) -> None:
    plan = begin(Staircase(period=1, per="step"), 1000).with_rate(0.003, drops)
    assert plan.rate(drops) == pytest.approx(0.003)
    assert plan == LrPlan.model_validate_json(plan.model_dump_json())
    assert all(0 <= plan.rate(step) <= 0.003 * (1 + 1e-9) for step in range(drops, 1000))


def test_a_rate_held_at_zero_is_forgotten_once_the_shape_was_scaled() -> None:
    plan = begin(Cyclic(low=0.0, up=5))
    plan = plan.with_rate(0.5, 10).with_rate(0.03, 13)
    assert plan.rate(13) == pytest.approx(0.03)
    assert plan.rate(20) == 0


@settings(deadline=None)
@given(schedulers, st.integers(2, 300), st.integers(1, 600), rates, st.booleans(), st.data())
def test_a_new_end_keeps_the_present_rate(
    scheduler: Scheduler, end: int, new_end: int, rate: float, by_hand: bool, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, min(end - 1, new_end)))
    plan = begin(scheduler, end)
    if by_hand:
        plan = plan.with_rate(rate, data.draw(st.integers(0, step)), history(step))
    changed = plan.with_end(new_end, step)
    seen = history(step)
    assert changed.end == new_end
    assert changed.rate(step, seen) == pytest.approx(plan.rate(step, seen), rel=1e-9, abs=1e-15)


SPANNING = [scheduler for scheduler in SCHEDULERS if scheduler.spans_run]
STANDING = [scheduler for scheduler in SCHEDULERS if not scheduler.spans_run]


@settings(deadline=None)
@given(st.sampled_from(SPANNING), st.lists(st.tuples(st.floats(0, 0.95), st.integers(20, 500)), min_size=1, max_size=3))
def test_a_run_of_another_length_ends_where_it_was_to_end(
    scheduler: Scheduler, changes: list[tuple[float, int]]
) -> None:
    plan = begin(scheduler)
    target = plan.rate(plan.end)
    step = 0
    for share, more in changes:
        step += int(share * (plan.end - step))
        plan = plan.with_end(step + more, step)
        assert plan.rate(plan.end) == pytest.approx(target, rel=1e-6, abs=1e-7)


@settings(deadline=None)
@given(st.sampled_from(STANDING), st.integers(0, 199), st.integers(1, 600))
def test_a_schedule_that_does_not_span_the_run_does_not_change_with_its_end(
    scheduler: Scheduler, step: int, new_end: int
) -> None:
    plan = begin(scheduler)
    changed = plan.with_end(max(new_end, step), step)
    for later in range(step, 200):
        seen = history(later)
        assert changed.rate(later, seen) == plan.rate(later, seen)


@settings(deadline=None)
@given(schedulers, st.integers(0, 50), st.integers(1, 300))
def test_a_schedule_begun_in_the_middle_is_the_same_schedule(scheduler: Scheduler, epochs: int, length: int) -> None:
    """A schedule that was swapped in at an epoch's end counts from there."""
    origin = epochs * 10
    late, early = begin(scheduler, origin + length, origin), begin(scheduler, length)
    for step in range(0, length, 7):
        later = [(origin + at, value) for at, value in history(step)]
        assert late.rate(origin + step, history(origin) + later) == early.rate(step, history(step))


@settings(deadline=None)
@given(schedulers, rates, st.integers(0, 199), st.integers(1, 400))
def test_a_plan_survives_json(scheduler: Scheduler, rate: float, step: int, new_end: int) -> None:
    plan = begin(scheduler).with_rate(rate, step, history(step)).with_end(max(new_end, step), step)
    again = LrPlan.model_validate_json(plan.model_dump_json())
    assert again == plan
    assert again.curve(0, 400, 50) == plan.curve(0, 400, 50)


@pytest.mark.parametrize(
    ("first", "last", "points", "expected"),
    [(0, 9, 100, list(range(10))), (5, 4, 10, []), (3, 3, 10, [3]), (0, 100, 3, [0, 50, 100]), (0, 100, 1, [0])],
)
def test_a_curve_runs_from_first_to_last(first: int, last: int, points: int, expected: Any) -> None:
    steps, values = begin(Cosine()).curve(first, last, points)
    assert steps == expected
    assert values == [begin(Cosine()).rate(step) for step in steps]
