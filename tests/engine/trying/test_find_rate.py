"""A search for a learning rate leaves the run as it was, to the bit, and marks what its curve has."""

from __future__ import annotations

import math
import random

import pytest

from tests.engine.trying.untouched import check_untouched
from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.base import choices
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.config.preset import load
from tui_trainer.engine.trying.rate_marks import mark, smooth
from tui_trainer.engine.trying.rate_sweep import growing
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

OPTIMIZERS = sorted(choices(AnyOptimizer).keys() - {"import", "sparse-adam"})
FAMILIES = {
    "digits-mlp": {"training.epochs": 2},
    "batch-norm": {"training.epochs": 2},
    "dropout": {"training.epochs": 2},
    "gd-vs-sgd": {"training.epochs": 8},
    "sampling": {"training.epochs": 2},
    "head-vector": {"training.epochs": 2},
    "perceptron": {"training.epochs": 1},
    "robbins-monro": {"training.epochs": 2},
    "zigzag": {"training.epochs": 20, "training.steps_per_second": 0},
    "backprop": {"training.epochs": 20, "training.steps_per_second": 0},
}
"""A preset of each family of data, model and batches, made short."""
SEARCH = cmd.FindRate(id="search", steps=12, low=1e-4, high=1.0)


def look_at_search(answer: ev.Event) -> None:
    if isinstance(answer, ev.Refused):
        assert "ignores the learning rate" in answer.reason
    else:
        assert isinstance(answer, ev.RateFound)
        assert 1 <= answer.steps <= 12


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_search_leaves_every_optimizer_as_it_was(kind):
    model = {"hidden": [8], "dropout": 0.2, "norm": "batch"}
    check_untouched(
        tiny_config(model=model, optimizer={"kind": kind}, training={"epochs": 3}), 8, SEARCH, look_at_search
    )


@pytest.mark.parametrize("preset", FAMILIES)
def test_a_search_leaves_every_family_of_presets_as_it_was(preset):
    changes = [f"{key}={value}" for key, value in FAMILIES[preset].items()]
    check_untouched(next(iter(load(preset, changes).runs.values())), 3, SEARCH, look_at_search)


def test_a_search_leaves_sparse_gradients_as_they_were(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("the quick brown fox jumps over the lazy dog. " * 20)
    data = {"kind": "text", "path": str(path), "batch_size": 8, "context": 8}
    model = {"kind": "transformer", "layers": 1, "width": 16, "heads": 2, "sparse_embedding": True}
    check_untouched(
        tiny_config(data=data, model=model, optimizer={"kind": "sparse-adam"}, training={"epochs": 2}),
        3,
        SEARCH,
        look_at_search,
    )


def curve(rates: tuple[float, ...]) -> list[float]:
    """A loss that falls as a logistic function of log10(rate), steepest at 1e-3, and rises steeply from 0.1 on."""
    return [2 - 1.5 / (1 + math.exp(-4 * (math.log10(rate) + 3))) + (rate / 0.5) ** 4 for rate in rates]


def test_the_marks_are_most_of_the_fall_the_steepest_descent_and_a_tenth_of_the_minimum():
    rates = growing(1e-6, 10.0, 141)
    assert rates[1] / rates[0] == pytest.approx(10 ** (7 / 140))
    assert rates[-1] == pytest.approx(10.0)
    losses = curve(rates)
    marks = mark(rates, losses)
    lowest = rates[min(range(len(losses)), key=losses.__getitem__)]
    assert marks.unclear == ""
    assert marks.steepest == pytest.approx(1e-3, rel=0.4)
    assert marks.tenth == pytest.approx(lowest / 10, rel=0.4)
    # A logistic function of slope 4 has nine tenths of its fall at ln(9) / 4 decades above its middle.
    assert marks.proposed == pytest.approx(10 ** (-3 + math.log(9) / 4), rel=0.3)
    assert marks.steepest < marks.proposed < lowest


def test_the_proposed_rate_keeps_away_from_a_steep_rise():
    rates = growing(1e-6, 10.0, 100)
    marks = mark(rates, [2.0 - rate * 10 if rate < 0.1 else 50.0 for rate in rates])
    lowest = rates[min(range(100), key=marks.smoothed.__getitem__)]
    assert marks.proposed == pytest.approx(lowest / 2)


def test_smoothing_keeps_a_straight_line_and_weighs_by_triangles():
    assert smooth([1.0, 2.0, 3.0, 4.0, 5.0], 2)[2] == pytest.approx(3)
    assert smooth([0.0, 0.0, 9.0, 0.0, 0.0], 2) == pytest.approx([9 / 6, 18 / 8, 27 / 9, 18 / 8, 9 / 6])


@pytest.mark.parametrize("seed", range(8))
def test_noise_alone_has_no_clear_rate(seed):
    draw = random.Random(seed)
    rates = growing(1e-6, 10.0, 100)
    marks = mark(rates, [1 + 0.3 * draw.gauss(0, 1) for _ in rates])
    assert (marks.proposed, marks.steepest, marks.tenth) == (None, None, None)
    assert "noise" in marks.unclear


def test_a_loss_that_only_rises_has_no_clear_rate():
    rates = growing(1e-3, 10.0, 40)
    marks = mark(rates, [1 + rate for rate in rates])
    assert marks.steepest is None
    assert marks.unclear


def test_a_loss_that_falls_to_the_end_says_so():
    rates = growing(1e-6, 1e-3, 60)
    marks = mark(rates, [1 - 500 * rate for rate in rates])
    assert marks.steepest is not None
    assert "larger ones" in marks.unclear


def test_the_price_is_said_and_nothing_is_tried():
    bench = TrainerHarness(tiny_config())
    bench.control.put(cmd.FindRate(id="price", price=True))
    bench.steps(1)
    priced = bench.of(ev.RateFound)[-1]
    assert (priced.priced, priced.steps, priced.rates) == (True, 100, [])
    assert priced.seconds > 0
    # Weights and biases of 2-8-2 and as much again for nothing: plain SGD keeps no state.
    assert priced.bytes >= 4 * (2 * 8 + 8 + 8 * 2 + 2)
    assert bench.state.rate_found == priced


def test_a_search_at_the_end_is_refused_and_one_that_is_paused_leaves_the_run_alone():
    bench = TrainerHarness(tiny_config())
    bench.steps(2)
    bench.control.put(SEARCH)
    bench.control.put(cmd.Pause())
    bench.steps(1)
    assert "cut short" in bench.of(ev.Refused)[-1].reason
    bench.control.put(cmd.Stop())
    bench.control.put(SEARCH)
    bench.finish()
    assert "stopping" in bench.of(ev.Refused)[-1].reason
    assert bench.of(ev.RateFound) == []


def test_the_search_reports_rates_losses_and_the_rate_in_force():
    bench = TrainerHarness(tiny_config(optimizer={"lr": 0.01}))
    bench.steps(3)
    bench.control.put(SEARCH)
    bench.steps(1)
    found = bench.of(ev.RateFound)[-1]
    assert found.lr == 0.01
    assert found.rates == pytest.approx(growing(1e-4, 1.0, 12)[: len(found.rates)])
    assert len(found.losses) == len(found.smoothed) == len(found.rates) == found.steps - 1
    assert bench.state.interventions == []
    assert bench.state.marks == []
