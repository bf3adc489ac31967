"""The decision between a linear and a logarithmic axis: by itself, once, and never against the user."""

from __future__ import annotations

import math

import pytest

from tui_trainer.protocol.events import EpochEnded, RunFinished, Scalars
from tui_trainer.state.branching.branches import Branch, Ghost
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.history.log_axis import decide_log, is_share
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import View

NAMES = ("train_loss", "val_loss")


def falling(step: int) -> float:
    return 2.3 * math.exp(-step / 60)


def _log(state: RunState, kind: ChartKind = ChartKind.LOSS, **view: object) -> bool:
    return chart_data(kind, [state], 0, View(**view), 100, 20).y.log  # pyright: ignore[reportArgumentType]


def test_a_loss_that_falls_far_becomes_logarithmic_after_the_first_twentieth(make_run):
    # Of 8,000 planned steps the first twentieth is 400.
    assert not _log(make_run(falling, steps=399, steps_per_epoch=100, epochs=80))
    assert _log(make_run(falling, steps=400, steps_per_epoch=100, epochs=80))


def test_a_loss_that_falls_a_little_stays_linear(make_run):
    assert not _log(make_run(lambda step: 2.3 - step / 200, steps=400))


def test_an_explosion_decides_before_the_first_twentieth(make_run):
    exploded = make_run(lambda step: 1.0 if step <= 33 else 500.0, steps=99, steps_per_epoch=100, epochs=20)
    assert exploded.step < 0.05 * exploded.total_steps
    assert _log(exploded)


def test_a_single_spike_does_not_decide(make_run):
    assert not _log(make_run(lambda step: 90.0 if step == 160 else 1.0, steps=300))


def test_the_decision_never_flips_back_while_the_run_goes_on(make_run):
    state = make_run(falling, steps=20, steps_per_epoch=100, epochs=4)
    decisions: list[bool] = []
    for step in range(21, 401):
        value = falling(step) + (200 if 250 < step < 260 else 0) + 0.3 * (step % 7 == 0)
        state.apply(Scalars(step=step, steps=[step], seconds=[step / 100], values={"train_loss": [value]}))
        decisions.append(decide_log([state], NAMES))
    assert decisions == sorted(decisions)
    assert decisions[-1]


def test_an_undone_explosion_still_counts(make_run):
    state = make_run(lambda step: 1.0, steps=200)
    assert not decide_log([state], NAMES)
    left = Ghost(name="train_loss", steps=[150, 170, 190], values=[1.0, 1e6, 1e7])
    state.branches.append(
        Branch(id="1", what="set lr", left_by="undo", start=140, end=190, curves={"train_loss": left})
    )
    assert decide_log([state], NAMES)


def test_more_epochs_do_not_undo_the_decision(make_run):
    state = make_run(falling, steps=60, steps_per_epoch=10, epochs=100)
    for step in range(61, 300):
        state.apply(Scalars(step=step, steps=[step], seconds=[step / 100], values={"train_loss": [falling(step)]}))
    assert decide_log([state], NAMES)
    state.epochs = 10_000
    assert decide_log([state], NAMES)


def test_an_opened_run_decides_as_the_live_one(make_run):
    live = make_run(falling, steps=200)
    opened = RunState.model_validate(live.model_dump())
    assert decide_log([live], NAMES) == decide_log([opened], NAMES)


def test_negative_values_stay_linear(make_run):
    assert not _log(make_run(lambda step: falling(step) - 0.01, steps=400))


def test_shares_are_never_logarithmic(make_run):
    state = make_run(falling, steps=200)
    state.apply(EpochEnded(step=201, epoch=11, seconds=3, metrics={"val_accuracy": 0.001, "train_accuracy": 0.001}))
    for view in ({}, {"log": {"metric": True}}, {"log_y": True}):
        assert not _log(state, ChartKind.METRIC, **view)
    assert chart_data(ChartKind.METRIC, [state], 0, View(), 100, 20).y.high <= 1.25


@pytest.mark.parametrize(
    ("metric", "share"),
    [("accuracy", True), ("top5_accuracy", True), ("f1", True), ("perplexity", False), ("rmse", False), ("", False)],
)
def test_shares_are_known_by_their_names(metric: str, share: bool):
    assert is_share(metric) is share


def test_the_choice_of_the_user_wins_for_its_chart_only(make_run):
    state = make_run(falling, steps=400)
    assert _log(state)
    assert not _log(state, log={"loss": False})
    assert _log(state, log={"norm": False})
    assert not _log(state, log={"loss": False}, log_y=True), "also over a lesson"
    assert _log(state, ChartKind.NORM, log={"norm": True})
    assert not _log(state, ChartKind.NORM)


def test_the_scale_is_said_in_the_title(make_run):
    shown = chart_data(ChartKind.LOSS, [make_run(falling, steps=400)], 0, View(), 100, 20)
    assert shown.notes[0].text == "log"


def test_a_rate_far_above_the_plan_is_logarithmic(make_run):
    state = make_run(steps=100, lr=0.01)
    assert not _log(state, ChartKind.RATE)
    state.apply(Scalars(step=101, steps=[101], seconds=[2.0], values={"lr": [5.0]}))
    assert _log(state, ChartKind.RATE)


def test_a_finished_run_decides_by_its_full_history(make_run):
    state = make_run(falling, steps=400, steps_per_epoch=100, epochs=100)
    assert not _log(state)
    state.apply(RunFinished(step=400, reason="stopped"))
    assert _log(state)
