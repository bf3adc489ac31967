"""Bounds, and the verdict of several seeds."""

from __future__ import annotations

import math

import pytest

from tui_trainer.lecture.claims import Bound, Measured, about, above, below, collect, exactly, within


@pytest.mark.parametrize(
    ("bound", "holding", "failing"),
    [
        (above(0.5), [0.5, 2.0], [0.49, math.nan, math.inf]),
        (below(0.5), [0.5, -1.0], [0.51, math.nan, -math.inf]),
        (within(1, 2), [1.0, 1.5, 2.0], [0.99, 2.01, math.nan]),
        (about(0.25, 0.01), [0.25, 0.245], [0.27, math.nan]),
        (exactly(0), [0.0, -0.0], [1e-300, math.nan]),
    ],
)
def test_a_bound_holds_for_what_it_allows(bound: Bound, holding: list[float], failing: list[float]) -> None:
    assert all(bound.holds(value) for value in holding)
    assert not any(bound.holds(value) for value in failing)


def test_every_seed_has_to_keep_a_claim_or_their_mean() -> None:
    seeds = [
        [Measured("each", 1.0, above(0.9)), Measured("mean", 0.5, above(0.9), of="mean")],
        [Measured("each", 0.5, above(0.9)), Measured("mean", 1.5, above(0.9), of="mean")],
    ]
    each, mean = collect("S01", seeds)
    assert (each.holds, mean.holds) == (False, True)
    assert each.values == (1.0, 0.5)
    assert each.measured == "0.75 [0.5, 1]"
    assert mean.threshold == "mean ≥ 0.9"
    (alone,) = collect("S01", [[Measured("each", 1.0, exactly(1))]])
    assert alone.measured == "1"
    assert alone.threshold == "= 1"
