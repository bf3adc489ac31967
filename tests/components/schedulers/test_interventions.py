"""Plateaus count epochs, and lower bounds hold, whatever is set by hand."""

from __future__ import annotations

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.early_stopping import EarlyStopping
from tui_trainer.components.schedulers.builtin import Cosine, Plateau, Scheduler, WarmRestarts
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.engine.evaluation.early_stopper import EarlyStopper
from tui_trainer.protocol import commands as cmd


def rates(config) -> dict[int, float | None]:
    bench = TrainerHarness(config)
    bench.finish()
    return bench.column("lr")


def test_a_plateau_counts_no_epoch_of_the_warm_up():
    plateau = {"kind": "plateau", "warmup": 25, "patience": 0, "factor": 0.1, "threshold": 0.99}
    lr = rates(tiny_config(scheduler=plateau, training={"epochs": 8}))
    # The first epoch after the warm-up is the best, the one after it is bad.
    assert lr[26] == pytest.approx(0.1)
    assert lr[35] == pytest.approx(0.1)
    assert lr[36] == pytest.approx(0.01)


def test_a_plateau_counts_epochs_and_not_validations():
    plateau = {"kind": "plateau", "patience": 4, "threshold": 0.9}
    config = tiny_config(optimizer={"lr": 1e-4}, scheduler=plateau, training={"epochs": 20, "validate_every": 5})
    lr = rates(config)
    assert lr[50] == pytest.approx(1e-4)
    assert lr[51] == pytest.approx(1e-5)  # after epoch 10: five epochs without improvement
    assert lr[76] == pytest.approx(1e-6)


def test_a_cooldown_ends_within_a_gap_between_validations():
    plan = LrPlan.begin(Plateau(patience=0, cooldown=2, factor=0.5, eps=0), 1.0, step=0, end=100, steps_per_epoch=1)
    seen = [(1, 1.0, 1), (2, 1.0, 1)]
    assert plan.rate(5, [*seen, (5, 1.0, 2)]) == 0.5
    assert plan.rate(5, [*seen, (5, 1.0, 3)]) == 0.25


def test_early_stopping_counts_epochs_off_the_grid_of_validations():
    stopper = EarlyStopper(EarlyStopping(patience=9))
    stopper.update(5, 25, {"val_loss": 1.0})
    stopper.update(7, 35, {"val_loss": 2.0})
    assert stopper.bad_epochs == 2
    stopper.update(10, 50, {"val_loss": 2.0})
    assert stopper.bad_epochs == 5


@pytest.mark.parametrize(
    "scheduler",
    [Cosine(min_lr=0.01), Cosine(min_lr=0.01, warmup=10), WarmRestarts(first=20, unit="step", min_lr=0.01)],
)
@pytest.mark.parametrize("step", [0, 3, 15, 50])
def test_a_lower_bound_holds_after_a_rate_set_by_hand(scheduler: Scheduler, step: int):
    plan = LrPlan.begin(scheduler, 0.1, step=0, end=100, steps_per_epoch=10)
    by_hand = plan.with_rate(0.02, step)
    assert by_hand.rate(step) == pytest.approx(0.02)
    warm = max(step, int(scheduler.warmup))
    assert min(by_hand.rate(at) for at in range(warm, 101)) >= 0.01
    # A rate below the bound is what was asked for.
    assert plan.with_rate(0.001, step).rate(step) == pytest.approx(0.001)


def test_the_bound_of_a_plateau_holds_after_a_rate_set_by_hand():
    plateau = {"kind": "plateau", "patience": 0, "threshold": 0.99, "factor": 0.5, "min_lr": 0.02}
    bench = TrainerHarness(tiny_config(scheduler=plateau, training={"epochs": 8}))
    bench.steps(2)
    bench.control.put(cmd.SetLearningRate(value=0.05))
    bench.finish()
    lr = bench.column("lr")
    assert lr[3] == pytest.approx(0.05)
    assert lr[40] == pytest.approx(0.02)
