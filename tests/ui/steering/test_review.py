"""What a form would change, and the questions before it does."""

from __future__ import annotations

import pytest

from tests.ui.conftest import MakeRun
from tui_trainer.components.optimizers.first_order import SGD, Adam, AdamW
from tui_trainer.components.optimizers.second_order import LBFGS
from tui_trainer.components.schedulers.builtin import Cosine, Exponential
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.availability import ActionContext
from tui_trainer.ui.steering.controls import CONTROLS, Control, rows
from tui_trainer.ui.steering.rate_guard import RateGuard
from tui_trainer.ui.steering.review import (
    NOTHING,
    carried_over,
    review_clip,
    review_epochs,
    review_optimizer,
    review_rate,
    review_scheduler,
)


@pytest.fixture
def run(make_run: MakeRun) -> RunState:
    """A run in epoch 11 of 20 with the rate 0.05 and Adam."""
    state = make_run(steps=200)
    state.lr, state.optimizer = 0.05, Adam(lr=0.1, betas=(0.8, 0.999))
    return state


@pytest.mark.parametrize(
    ("command", "change", "question"),
    [
        (cmd.SetLearningRate(value=0.05), "", ""),
        (cmd.SetLearningRate(factor=1), "", ""),
        (cmd.SetLearningRate(value=0.005), "rate 0.05 → 0.005", ""),
        (cmd.SetLearningRate(factor=100), "rate 0.05 → 5", ""),
        (cmd.SetLearningRate(value=1000), "rate 0.05 → 1000", "20,000 times the rate in force"),
        (cmd.SetLearningRate(value=6e5), "rate 0.05 → 600000", "12 million times the rate in force"),
        (cmd.SetLearningRate(value=1e-6), "rate 0.05 → 1e-06", "1/50,000 of the rate in force"),
    ],
)
def test_a_rate_far_from_the_one_in_force_is_asked_about(
    run: RunState, command: cmd.SetLearningRate, change: str, question: str
) -> None:
    review = review_rate(run, command)
    assert review.change.startswith(change)
    assert bool(review.change) == bool(change)
    assert review.question == question
    assert not review.error


def test_what_the_trainer_would_refuse_is_an_error_of_the_form(run: RunState) -> None:
    assert review_epochs(run, cmd.SetEpochs(value=10)).error == "epoch 11 is in progress: enter at least 11"
    assert review_epochs(run, cmd.SetEpochs(add=-9)).change.startswith("epochs 20 → 11")
    assert review_epochs(run, cmd.SetEpochs(value=20)) == NOTHING
    run.lr = 0.0
    assert review_rate(run, cmd.SetLearningRate(factor=2)).error
    assert review_scheduler(run, Exponential(), None).error
    run.clip_grad_norm = 1.0
    assert "switch the clip off" in review_optimizer(run, LBFGS()).error


def test_the_difference_of_an_optimizer_says_what_becomes_of_its_state(run: RunState) -> None:
    present = Adam(lr=0.05, betas=(0.8, 0.999))
    assert review_optimizer(run, present) == NOTHING
    assert review_optimizer(run, present.model_copy(update={"lr": 0.5})).change == (
        "rate 0.05 → 0.5; adam's averages are kept"
    )
    assert "betas 0.8, 0.999 → 0.9, 0.999" in review_optimizer(run, Adam(lr=0.05)).change
    other = review_optimizer(run, SGD(lr=0.05))
    assert other.change == "optimizer adam → sgd, the state of adam is dropped"
    assert "adam's averages are kept" in review_optimizer(run, AdamW(lr=0.05)).change
    assert review_optimizer(run, SGD(lr=50)).question == "1,000 times the rate in force"


def test_another_optimizer_starts_from_the_rate_in_force_and_what_was_changed() -> None:
    started = carried_over(AdamW, Adam(lr=0.1, betas=(0.8, 0.999)), 0.05)
    assert started == AdamW(lr=0.05, betas=(0.8, 0.999), weight_decay=0)
    assert carried_over(SGD, Adam(lr=0.1), 0.05) == SGD(lr=0.05)
    assert carried_over(SGD, None, 0.05) is None


def test_the_same_schedule_is_no_change_unless_it_begins_again(run: RunState) -> None:
    assert review_scheduler(run, Cosine(), None) == NOTHING
    assert "begins again" in review_scheduler(run, Cosine(), 0.05).change
    assert review_scheduler(run, Exponential(), None).change == "schedule cosine → exponential, from 0.05"
    assert review_clip(run, cmd.SetClip(value=0)) == NOTHING
    assert review_clip(run, cmd.SetClip(value=2)).change == "gradient clip off → 2"


def set_rate(run: RunState, value: float, identity: str) -> None:
    """Let the run answer a new rate."""
    assert run.plan is not None
    plan = run.plan.with_rate(value, run.step)
    cause = cmd.SetLearningRate(value=value, id=identity)
    run.apply(ev.SettingChanged(step=run.step, name="lr", value=value, previous=run.lr, plan=plan, cause=cause))


def test_many_small_steps_are_counted_together(run: RunState) -> None:
    guard = RateGuard()
    for step in range(6):
        assert not guard.asks(run, (), 2.0), step
        guard.sent(f"up-{step}", 2.0)
        set_rate(run, run.lr * 2, f"up-{step}")
    assert guard.asks(run, (), 2.0)
    assert not guard.asks(run, (), 0.5)
    guard.allow(run, ())
    assert not guard.asks(run, (), 2.0)


def test_steps_on_their_way_count_and_another_way_begins_anew(run: RunState) -> None:
    guard = RateGuard()
    pending = [f"down-{step}" for step in range(6)]
    assert not guard.asks(run, (), 0.5)
    for identity in pending:
        guard.sent(identity, 0.5)
    assert guard.asks(run, pending, 0.5)
    for identity in pending:
        set_rate(run, run.lr / 2, identity)
    assert guard.asks(run, (), 0.5)
    set_rate(run, 0.1, "by another way")
    assert not guard.asks(run, (), 0.5)


def test_controls_of_another_loop_need_no_action(run: RunState) -> None:
    knob = Control("knob:noise", "loop", lambda state, _all: "0.3", "k", "noise", lambda _context: None)
    (row,) = rows((knob,), run, ActionContext(run, 1), False)
    assert (row.letter, row.label, row.value, row.reason) == ("k", "noise", "0.3", "")
    assert len(rows(CONTROLS, run, ActionContext(run, 1), False)) == len(CONTROLS)
