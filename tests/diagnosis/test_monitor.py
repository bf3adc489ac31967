"""What is said, and when: the debounce, the order, an undo, a checkpoint."""

from __future__ import annotations

import json
import math

import pytest

from tui_trainer.diagnosis.monitor import TOLD_AGAIN, DiagnosisMonitor
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

STEPS = 10


def begun(**changes) -> list[ev.AnyEvent]:
    started = {
        "chance": math.log(10),
        "guessing": math.log(10),
        "steps_per_epoch": STEPS,
        "epochs": 30,
        "task": "classification",
    }
    return [ev.RunStarted(**(started | changes))]


def epoch(number: int, loss: float, quality: float | None = 0.95, **metrics: float) -> list[ev.AnyEvent]:
    """One epoch of ten batches that all cost the same, with three probes."""
    steps = list(range((number - 1) * STEPS + 1, number * STEPS + 1))
    probed = steps[:3]
    columns = {"step_quality": [quality] * 3, "update_ratio": [1e-3] * 3, "gradient_cosine": [0.1] * 3}
    return [
        ev.Scalars(steps=steps, seconds=[0.0] * STEPS, values={"train_loss": [loss] * STEPS, "lr": [0.1] * STEPS}),
        ev.Scalars(steps=probed, seconds=[0.0] * 3, values=columns),
        ev.EpochEnded(epoch=number, step=steps[-1], seconds=0.0, lr=0.1, metrics={"train_loss": loss, **metrics}),
    ]


def said(observer: DiagnosisMonitor, events: list[ev.AnyEvent]) -> list[tuple[str, bool, int]]:
    """(finding, whether it holds, epoch of its event's step) of what is said again."""
    found = [diagnosed for event in events for diagnosed in observer.take(event)]
    return [(each.finding, each.active, each.step // STEPS) for each in found if not each.again]


def test_what_holds_for_three_epochs_is_told_and_what_fails_for_three_is_taken_back():
    observer = DiagnosisMonitor()
    stuck = [event for number in range(1, 6) for event in epoch(number, 2.30 - 0.01 * number)]
    assert said(observer, begun() + stuck) == [("STUCK", True, 5)]  # the rule itself waits for three epochs
    better = [event for number in range(6, 9) for event in epoch(number, 2.1 - 0.1 * number)]
    assert said(observer, better) == [("STUCK", False, 8)]
    assert observer.standing() == []


def test_an_epoch_without_it_begins_the_count_anew():
    observer = DiagnosisMonitor()
    losses = [2.3, 2.3, 2.3, 2.2, 2.0, 2.3, 2.3, 2.3]
    events = begun() + [event for number, loss in enumerate(losses, 1) for event in epoch(number, loss)]
    assert said(observer, events) == [("STUCK", True, 8)]


def test_a_loss_that_blows_up_is_told_in_its_second_epoch_and_stands_first():
    observer = DiagnosisMonitor()
    events = begun() + epoch(1, 2.0) + epoch(2, 30.0, quality=-2.0)
    assert said(observer, events) == []
    assert said(observer, [event for n in (3, 4) for event in epoch(n, 30.0 + n, quality=-2.0)]) == [
        ("DIVERGE", True, 3),
        ("LR_HIGH", True, 4),
    ]
    assert [found.finding for found in observer.standing()][:2] == ["DIVERGE", "LR_HIGH"]
    ranks = [found.rank for found in observer.standing()]
    assert ranks == sorted(ranks)


def test_a_loss_that_has_blown_up_beyond_doubt_is_told_at_once_and_leaves_after_some_epochs():
    observer = DiagnosisMonitor()
    assert said(observer, begun() + epoch(1, 2.0) + epoch(2, 1e6)) == [("DIVERGE", True, 2)]
    assert said(observer, epoch(3, 1.9) + epoch(4, 1.8) + epoch(5, 1.7)) == [("DIVERGE", False, 5)]


def test_a_loss_that_comes_back_from_far_away_has_not_blown_up():
    observer = DiagnosisMonitor()
    losses = [90.0, 40.0, 15.0, 6.0, 2.0, 0.5, 1e-2, 1e-5]  # the first weights were too large, or the steps overshot
    events = begun() + [event for number, loss in enumerate(losses, 1) for event in epoch(number, loss)]
    assert "DIVERGE" not in [name for name, _, _ in said(observer, events)]


def test_a_loss_lower_than_ever_withdraws_at_once_that_it_has_blown_up():
    observer = DiagnosisMonitor()
    assert said(observer, begun() + epoch(1, 2.0) + epoch(2, 1e6)) == [("DIVERGE", True, 2)]
    assert said(observer, epoch(3, 1.9)) == [], "a loss near that of guessing proves little"
    assert said(observer, epoch(4, 0.4)) == [("DIVERGE", False, 4)]


def test_a_run_that_was_stuck_and_learns_is_no_longer_stuck():
    observer = DiagnosisMonitor()
    assert said(observer, begun() + [each for n in range(1, 6) for each in epoch(n, 2.3)]) == [("STUCK", True, 5)]
    assert said(observer, epoch(6, 0.04)) == [("STUCK", False, 6)]


def test_a_finding_that_left_does_not_return_within_its_cool_down():
    observer = DiagnosisMonitor()
    spike = [3.0e3, 1.9, 1.8, 1.7]  # blown up for one epoch, then back
    losses = [2.0, *spike, *spike, *spike, *spike]
    events = begun() + [event for number, loss in enumerate(losses, 1) for event in epoch(number, loss)]
    assert [each for each in said(observer, events) if each[0] == "DIVERGE"] == [
        ("DIVERGE", True, 2),
        ("DIVERGE", False, 5),
    ], "the spikes of epochs 6, 10 and 14 come within ten epochs"
    assert said(observer, epoch(18, 3e3)) == [("DIVERGE", True, 18)]


def test_a_finding_returns_at_once_when_it_has_become_graver():
    observer = DiagnosisMonitor()

    def layers(share: float, number: int) -> list[ev.AnyEvent]:
        layer = ev.Layer(grad_norm=1.0, weight_norm=2.0, activation_std=1.0, dead=share)
        return [ev.LayersMeasured(step=number * STEPS, layers={"hidden": layer}), *epoch(number, 2.0 - 0.1 * number)]

    shares = [0.3, 0.3, 0.0, 0.0, 0.0, 0.3, 0.3, 0.6, 0.6]
    events = begun() + [event for number, share in enumerate(shares, 1) for event in layers(share, number)]
    found = [each for event in events for each in observer.take(event) if not each.again]
    assert [(each.finding, each.active, each.severity, each.step // STEPS) for each in found] == [
        ("DEAD", True, "note", 2),
        ("DEAD", False, "note", 5),
        ("DEAD", True, "alarm", 8),
    ]


def test_evidence_of_what_still_holds_is_told_again_without_a_word_in_the_log():
    observer = DiagnosisMonitor()
    events = begun() + [event for number in range(1, TOLD_AGAIN + 4) for event in epoch(number, 2.3)]
    found = [each for event in events for each in observer.take(event) if each.finding == "STUCK"]
    assert [(each.again, each.epoch) for each in found] == [(False, 5), (True, 5)]
    assert found[0].evidence != found[1].evidence


def test_a_broken_loss_is_told_before_the_run_is_over():
    seen: list[ev.AnyEvent] = []
    events, observer = EventStream(seen.append), DiagnosisMonitor()

    def diagnose(event: ev.AnyEvent) -> None:
        for diagnosed in observer.take(event):
            events.publish(diagnosed)

    events.subscribe(diagnose)
    for event in begun():
        events.publish(event)
    events.publish(
        ev.Scalars(
            steps=[1, 2, 3],
            seconds=[0.0] * 3,
            values={"train_loss": [0.5, 0.5, None]},
            not_finite={"train_loss": {2: "nan"}},
        )
    )
    events.publish(ev.LossBroke(step=3, kind="nan", layer="hidden1"))
    events.publish(ev.RunFinished(step=3, reason="not-finite", exit_code=1))
    assert [type(event).__name__ for event in seen] == [
        "RunStarted", "Scalars", "LossBroke", "Diagnosed", "Diagnosed", "RunFinished",
    ]  # fmt: skip
    first = seen[3]
    assert isinstance(first, ev.Diagnosed)
    assert (first.finding, first.severity) == ("NAN", "alarm")
    assert "step 3" in first.evidence


def test_a_gradient_that_is_no_number_is_found_while_the_loss_still_is_one():
    observer = DiagnosisMonitor()
    norms = ev.Scalars(steps=[4], seconds=[0.0], values={"grad_norm": [None]}, not_finite={"grad_norm": {0: "inf"}})
    assert said(observer, [*begun(), norms, *epoch(1, 2.0)]) == [("NAN", True, 1)]
    assert "gradient became inf at step 4" in observer.standing()[0].evidence


def test_steps_of_another_rate_are_judged_by_probes_of_their_own():
    observer = DiagnosisMonitor()
    said(observer, begun() + epoch(1, 2.0, quality=0.2))
    assert observer.course.history.quality == 0.2
    observer.take(ev.SettingChanged(name="lr", value=0.01, previous=0.1, step=10))
    assert observer.course.history.quality is None


def test_an_undo_goes_back_to_what_was_known_before_the_command():
    observer = DiagnosisMonitor()
    first = begun() + epoch(1, 2.0) + epoch(2, 1.8)
    said(observer, first)
    before = observer.course
    rise = cmd.SetLearningRate(factor=10.0, id="a-1")
    changed = ev.SettingChanged(name="lr", value=1.0, previous=0.1, step=20, cause=rise)
    assert said(observer, [changed, *epoch(3, 40.0), *epoch(4, 40.0)]) == [("DIVERGE", True, 4)]
    restored = ev.Restored.model_construct(from_step=30, undid="a-1")
    undone = ev.RolledBack.model_construct(
        to="set lr", from_epoch=2, step=20, restored=restored, cause=cmd.Undo(id="a-2"), type="RolledBack"
    )
    assert said(observer, [undone]) == [("DIVERGE", False, 2)]
    assert observer.course == before
    assert said(observer, epoch(3, 1.6)) == []


def test_a_run_that_begins_anew_begins_its_diagnosis_anew_and_a_resumed_one_goes_on():
    observer = DiagnosisMonitor()
    said(observer, begun() + epoch(1, 2.0) + epoch(2, 4e4))
    assert [found.finding for found in observer.standing()] == ["DIVERGE"]
    said(observer, begun(step=20))
    assert len(observer.course.history.epochs) == 2
    said(observer, begun())
    assert len(observer.course.history.epochs) == 0
    assert observer.standing() == []


def test_what_a_checkpoint_keeps_is_all_of_it():
    first, second = DiagnosisMonitor(), DiagnosisMonitor()
    said(first, begun() + epoch(1, 2.0, val_accuracy=0.5) + epoch(2, 30.0, quality=-2.0) + epoch(3, 30.0)[:1])
    first.take(ev.LayersMeasured(step=25, layers={"in": ev.Layer(grad_norm=1.0, weight_norm=2.0)}))
    second.load(json.loads(json.dumps(first.dump(), allow_nan=False)))
    assert second.course == first.course
    rest = epoch(4, 31.0, quality=-2.0)
    assert said(second, rest) == said(first, rest)


@pytest.mark.parametrize("loss", [0.0, -1.0, 1e300])
def test_no_loss_makes_a_rule_fail(loss: float):
    observer = DiagnosisMonitor()
    events = begun() + [event for number in range(1, 15) for event in epoch(number, loss, quality=None, val_loss=loss)]
    said(observer, [*events, ev.RunFinished(step=140, reason="completed")])


def test_an_event_of_a_sick_run_can_be_read_with_nothing_known():
    observer = DiagnosisMonitor()
    said(observer, epoch(1, 1.0) + epoch(2, math.inf) + [ev.LossBroke(step=21, kind="inf")])
    assert observer.standing()[0].finding == "NAN"


def test_an_epoch_without_a_training_loss_is_no_loss_that_blew_up():
    def validated(number: int) -> ev.EpochEnded:
        return ev.EpochEnded(epoch=number, step=number * STEPS, seconds=0.0, lr=0.1, metrics={"val_loss": 1.0})

    observer = DiagnosisMonitor()
    falling = [event for number in range(2, 6) for event in epoch(number, 2.5 - 0.3 * number)]
    events = [validated(1), *falling, validated(6), validated(7), *epoch(8, 0.8)]
    assert "DIVERGE" not in [finding for finding, *_ in said(observer, begun() + events)]
