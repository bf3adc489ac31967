"""A search for a rate ends where the loss explodes, and noise alone does not look like it."""

from __future__ import annotations

import random
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.trying.rate_sweep import SETTLED, Explosion
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

STEPS = 100
"""Steps of a whole search."""
NOISE = 200
"""Random histories of one kind."""


def squared_errors(seed: int, batch: int) -> list[float]:
    """Return the mean squared errors of batches of a regression that has nothing to learn but noise."""
    draw = random.Random(seed)
    return [sum(draw.gauss(0, 1) ** 2 for _ in range(batch)) / batch for _ in range(STEPS)]


def ended_at(losses: list[float], steps: int = STEPS) -> int | None:
    watch = Explosion(steps)
    return next((index for index, loss in enumerate(losses) if watch.exploded(loss)), None)


@pytest.mark.parametrize(("batch", "most"), [(1, 0.03), (2, 0.01), (4, 0.0)])
def test_small_batches_of_noise_hardly_ever_end_a_search(batch, most):
    ended = sum(ended_at(squared_errors(seed, batch)) is not None for seed in range(NOISE))
    assert ended / NOISE <= most


@given(st.lists(st.floats(0, 1e6), min_size=STEPS // SETTLED, max_size=STEPS // SETTLED))
def test_the_first_losses_end_no_search_whatever_they_are(losses):
    assert ended_at(losses) is None


@given(st.integers(0, 10**6), st.integers(0, STEPS - 2), st.floats(0, 1e30), st.floats(0, 1e30))
def test_two_losses_that_lie_apart_end_no_search(seed, at, one, other):
    draw = random.Random(seed)
    losses = [1 + 0.1 * draw.gauss(0, 1) for _ in range(STEPS)]
    losses[at : at + 2] = [one, other]
    assert ended_at(losses) is None


@given(st.integers(0, 10**6), st.integers(STEPS // SETTLED, STEPS), st.floats(1.3, 10), st.sampled_from([1, 2, 4, 32]))
def test_a_loss_that_grows_with_every_step_ends_the_search(seed, at, factor, batch):
    draw = random.Random(seed)
    watch = Explosion(STEPS)
    for step in count():
        noise = sum(draw.gauss(0, 1) ** 2 for _ in range(batch)) / batch
        if watch.exploded(noise * factor ** max(step - at, 0)):
            break
        assert step - at < 60, "the search goes on"


@given(st.integers(0, 10**6), st.floats(1e-6, 1e6))
def test_the_unit_of_the_loss_does_not_matter(seed, unit):
    draw = random.Random(seed)
    losses = [draw.gauss(0, 1) ** 2 * 1.2 ** max(step - 60, 0) for step in range(STEPS)]
    assert ended_at([loss * unit for loss in losses]) == ended_at(losses)


def test_a_loss_around_zero_is_measured_by_its_noise():
    draw = random.Random(3)
    assert ended_at([draw.gauss(0, 1) for _ in range(STEPS)]) is None


@pytest.mark.parametrize("batch", [1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_a_noisy_regression_is_searched_up_to_rates_that_matter(batch, seed):
    bench = TrainerHarness(
        tiny_config(
            data={"kind": "diabetes", "batch_size": batch}, loss={"kind": "mse"}, model={"hidden": [8]},
            training={"epochs": 2, "seed": seed},
        )
    )  # fmt: skip
    bench.steps(1)
    bench.control.put(cmd.FindRate(id="search"))
    bench.steps(1)
    found = bench.of(ev.RateFound)[-1]
    assert found.rates[-1] > 0.01
