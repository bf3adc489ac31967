"""The cause of a finding: the intervention before it, in words, and what is out of date after one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tui_trainer.components.optimizers.first_order import Adam
from tui_trainer.components.schedulers.builtin import Constant, OneCycle
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.diagnosis.interventions import intervention, likely_cause
from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

STEPS = 10


def plan(scheduler: Any = None, base: float = 0.1, step: int = 0) -> LrPlan:
    return LrPlan.begin(scheduler or Constant(), base, step=step, end=300, steps_per_epoch=STEPS)


def rate(value: float, step: int, previous: float = 0.1, id: str = "r") -> ev.SettingChanged:
    command = cmd.SetLearningRate(value=value, id=id)
    return ev.SettingChanged(name="lr", value=value, previous=previous, step=step, plan=plan(base=value), cause=command)


def optimizer(step: int) -> ev.OptimizerChanged:
    new = Adam(lr=0.01)
    return ev.OptimizerChanged(
        optimizer=new, plan=plan(), lr=0.01, step=step, cause=cmd.SetOptimizer(optimizer=new, id="o")
    )


def schedule(step: int) -> ev.SchedulerChanged:
    new = OneCycle()
    return ev.SchedulerChanged(
        plan=plan(new, 1.0, step), lr=0.04, step=step, cause=cmd.SetScheduler(scheduler=new, id="s")
    )


def clip(value: float, previous: float, step: int = 5) -> ev.SettingChanged:
    return ev.SettingChanged(
        name="clip_grad_norm", value=value, previous=previous, step=step, cause=cmd.SetClip(value=value, id="g")
    )


def epoch(number: int, loss: float, *, quality: float = 0.95, update: float = 1e-2) -> list[ev.AnyEvent]:
    steps = list(range((number - 1) * STEPS + 1, number * STEPS + 1))
    probed = {"step_quality": [quality] * 3, "update_ratio": [update] * 3, "gradient_cosine": [0.1] * 3}
    return [
        ev.Scalars(steps=steps, seconds=[0.0] * STEPS, values={"train_loss": [loss] * STEPS, "lr": [0.1] * STEPS}),
        ev.Scalars(steps=steps[:3], seconds=[0.0] * 3, values=probed),
        ev.EpochEnded(epoch=number, step=steps[-1], seconds=0.0, lr=0.1, metrics={"train_loss": loss}),
    ]


def begun() -> DiagnosisMonitor:
    monitor = DiagnosisMonitor()
    ten = math.log(10)
    monitor.take(ev.RunStarted(chance=ten, guessing=ten, steps_per_epoch=STEPS, epochs=30, plan=plan()))
    return monitor


def said(monitor: DiagnosisMonitor, *events: ev.AnyEvent) -> list[ev.Diagnosed]:
    return [each for event in events for each in monitor.take(event) if not each.again]


@pytest.mark.parametrize(
    ("event", "text", "explained", "not_explained"),
    [
        (rate(5.0, 7, 3e-4), "You set the rate to 5 (x16,700) at step 7; everything", {"DIVERGE", "DEAD"}, {"LR_LOW"}),
        (rate(0.01, 7), "You set the rate to 0.01 (/10) at step 7; everything", {"LR_LOW", "PLATEAU"}, {"DIVERGE"}),
        (rate(0.1, 7), "You set the rate to 0.1 at step 7; everything", set(), {"DIVERGE", "LR_LOW"}),
        (schedule(7), "You chose the schedule one-cycle at step 7; everything", {"DIVERGE", "LR_HIGH"}, {"LR_LOW"}),
        (
            optimizer(7), "You chose the optimizer adam with the rate 0.01 (/10) at step 7; everything",
            {"DIVERGE", "LR_LOW"}, {"OVERFIT", "EXPLODE"},
        ),
        (clip(0.0, 1.0), "You switched clipping off at step 5; everything", {"DIVERGE"}, {"LR_LOW"}),
        (clip(1.0, 0.0), "You set the clip to 1 at step 5; everything", {"LR_LOW"}, {"DIVERGE"}),
        (
            ev.SettingChanged(name="epochs", value=5, previous=30, step=1, cause=cmd.SetEpochs(value=5, id="e")),
            "You set the length to 5 epochs at step 1; everything", {"STOPPED_TOO_SOON"}, {"DIVERGE"},
        ),
    ],
)  # fmt: skip
def test_an_intervention_in_words_and_what_it_explains(
    event: ev.AnyEvent, text: str, explained: set[str], not_explained: set[str]
) -> None:
    made = intervention(event, 0.1)
    assert made is not None
    assert made.sentence() == f"{text} since follows from it."
    assert {name for name in explained | not_explained if made.explains(name)} == explained


@pytest.mark.parametrize(
    "event",
    [
        ev.SettingChanged(name="lr", value=1.0, previous=0.1),
        ev.Noted(text="x", cause=cmd.Note(text="x", id="n")),
        ev.CheckpointSaved(name="a", epoch=1, cause=cmd.SaveCheckpoint(id="c")),
    ],
)
def test_what_changes_no_training_is_no_intervention(event: ev.AnyEvent) -> None:
    assert intervention(event, 0.1) is None


def test_the_cause_lies_shortly_before_and_the_larger_change_wins() -> None:
    made = [intervention(rate(value, step), 0.1) for value, step in ((0.3, 10), (30.0, 12), (60.0, 500))]
    changes = [change for change in made if change is not None]
    assert likely_cause("DIVERGE", changes, since=5, first_seen=20, window=50) == changes[1]
    assert likely_cause("DIVERGE", changes, since=5, first_seen=80, window=50) is None, "too long ago"
    assert likely_cause("DIVERGE", changes, since=11, first_seen=12, window=50) is None, "it held before"


def test_a_blown_up_loss_names_the_rate_that_was_set_and_offers_to_undo_it() -> None:
    monitor = begun()
    said(monitor, *epoch(1, 2.0), *epoch(2, 1.8))
    (blown,) = said(monitor, rate(5.0, 20), *epoch(3, 1e6))
    assert blown.likely_cause == "You set the rate to 5 (x50) at step 20; everything since follows from it."
    assert (blown.since_step, blown.until_step, blown.cause_step, blown.cause_id) == (20, 30, 20, "r")
    assert [action.action for action in blown.actions] == ["undo", "roll_back", "rate"]
    assert [action.value for action in blown.actions] == ["", "", "/10"]
    stuck = next(each for each in said(monitor, *epoch(4, 2.4), *epoch(5, 2.4)) if each.finding == "STUCK")
    assert stuck.likely_cause == blown.likely_cause
    assert "x10" not in [action.value for action in stuck.actions], "a higher rate is not the way out"


def test_what_follows_long_after_from_a_finding_with_a_cause_has_the_same_cause() -> None:
    monitor = begun()
    said(monitor, *epoch(1, 2.0), *epoch(2, 1.8))
    (blown,) = said(monitor, rate(5.0, 20), *epoch(3, 1e6))
    said(monitor, *(event for number in range(4, 14) for event in epoch(number, 1e6)))
    later = said(monitor, *(event for number in range(14, 24) for event in epoch(number, 1e6, quality=0.3)))
    high = next(each for each in later if each.finding == "LR_HIGH")
    assert high.epoch > 13
    assert high.likely_cause == blown.likely_cause


def test_a_loss_that_blew_up_before_is_not_put_down_to_a_later_change() -> None:
    monitor = begun()
    said(monitor, *epoch(1, 2.0), *epoch(2, 30.0))
    (blown,) = said(monitor, rate(0.5, 20), *epoch(3, 31.0))
    assert blown.likely_cause == ""
    assert blown.actions[0].action == "roll_back"


def test_a_finding_about_the_steps_ends_where_the_user_acts_on_it() -> None:
    monitor = begun()
    tiny = [event for number in range(1, 5) for event in epoch(number, 2.0 - 0.1 * number, quality=0.99, update=1e-4)]
    assert [each.finding for each in said(monitor, *tiny)] == ["LR_LOW"]
    (gone,) = said(monitor, rate(0.3, 40))
    assert (gone.finding, gone.active) == ("LR_LOW", False)
    again = [event for number in range(5, 9) for event in epoch(number, 1.6 - 0.1 * number, quality=0.99, update=1e-4)]
    assert [(each.finding, each.active) for each in said(monitor, *again)] == [("LR_LOW", True)], "still too low"


def test_an_undone_change_is_no_cause() -> None:
    monitor = begun()
    said(monitor, *epoch(1, 2.0), *epoch(2, 1.8), rate(5.0, 20))
    restored = ev.Restored.model_construct(from_step=20, undid="r")
    undone = ev.RolledBack.model_construct(
        to="set lr", from_epoch=2, step=20, restored=restored, cause=cmd.Undo(id="u"), type="RolledBack"
    )
    said(monitor, undone)
    assert monitor.course.history.interventions == ()
    (blown,) = said(monitor, *epoch(3, 1e6))
    assert blown.likely_cause == ""
