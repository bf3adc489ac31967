"""Each drill is played headless: the reference solution recovers, a cure of another illness does not."""

from __future__ import annotations

import re

import pytest

from tui_trainer.config.preset import load
from tui_trainer.config.teaching.drill import Act
from tui_trainer.drills.library import list_drills, load_drill, measured
from tui_trainer.drills.measure import play
from tui_trainer.drills.score import score

QUICK = {"drill-2", "drill-8"}
"""Played always; the others by the long tests."""
NAMES = [
    pytest.param(drill.name, marks=() if drill.name in QUICK else pytest.mark.long, id=drill.name)
    for drill in list_drills()
]

SLOW = [
    pytest.param(drill.name, marks=() if drill.name == "drill-3" else pytest.mark.long, id=drill.name)
    for drill in list_drills()
]


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_solution_recovers_with_full_marks(name: str) -> None:
    drill = load_drill(name)
    found = score(play(name, drill.solution, 0, cause=drill.cause), measured(name), name)
    assert found.recovered, found.remark
    assert (found.right, found.first, found.hints) == (True, True, 0)
    assert found.interventions == measured(name).interventions
    assert found.loss <= found.target
    assert found.points >= 97


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_cure_does_not_count_as_recovered(name: str) -> None:
    drill = load_drill(name)
    other = next(cause for cause in drill.choices if cause != drill.cause)
    found = score(play(name, drill.wrong, 0, cause=other), measured(name), name)
    assert not found.recovered
    assert found.remark
    assert (found.right, found.points) == (False, 0)


def reader(name: str) -> list[Act]:
    """Return the reference solution, begun by a reader who has watched the run for 45 seconds."""
    speed = load(name).first.training.steps_per_second
    assert speed is not None, "a drill trains slowly enough to be watched"
    return [act.model_copy(update={"step": round(45 * speed)}) for act in load_drill(name).solution]


@pytest.mark.parametrize("name", SLOW)
def test_a_cure_is_in_time_after_45_seconds_of_watching(name: str) -> None:
    drill = load_drill(name)
    history = play(name, reader(name), 0, cause=drill.cause)
    if history.finished is not None and history.finished.reason == "not-finite":  # then it is begun again with one
        history = play(name, [Act(step=1, again=drill.good[0])], 0, cause=drill.cause)
    found = score(history, measured(name), name)
    assert found.recovered, found.remark
    assert found.points >= 90


def test_a_change_too_many_and_no_answer_cost_points() -> None:
    drill = load_drill("drill-2")
    history = play("drill-2", (Act(step=10, command="set-lr factor=2"), *drill.solution), 0)
    found = score(history, measured("drill-2"), "drill-2")
    assert found.recovered
    assert (found.named, found.hints, found.interventions, found.starts) == ("", 0, 2, 1)
    assert found.points == 40 + 10 - 3 + round(10 * measured("drill-2").steps / (found.steps or 1))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("data.kind=iris", "data.kind was changed|data was changed"),
        ("training.epochs=2", "training.epochs was changed, which cures nothing here"),
        ("drill.within=50.0", "the drill itself was changed"),
    ],
)
def test_a_new_start_with_another_problem_is_no_cure(change: str, why: str) -> None:
    history = play("drill-8", [Act(step=5, again=change)], 0, cause="broken-data")
    found = score(history, measured("drill-8"), "drill-8")
    assert not found.recovered
    assert re.search(why, found.remark)


def test_two_changes_are_one_too_many_and_a_kind_is_one() -> None:
    history = play("drill-8", [Act(step=5, again="data.drop_nan=true")], 0, overrides=["optimizer.lr=0.3"])
    assert "more than one setting was changed" in score(history, measured("drill-8"), "drill-8").remark
    kind = play("drill-8", [Act(step=5, again="optimizer.kind=adam")], 0)
    assert "changed" not in score(kind, measured("drill-8"), "drill-8").remark
