"""The drills: what is told of them, how one is drawn, and that their presets hold together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tui_trainer.config.preset import load
from tui_trainer.config.teaching.drill import CAUSES, Act, Drill, DrillMeasurement, progress_of
from tui_trainer.drills.library import draw_drill, find_drill, list_drills, load_drill, measured
from tui_trainer.errors import UserError
from tui_trainer.session.catalog import list_presets

DRILLS = [drill.name for drill in list_drills()]
TELLING = {
    "rate-high": ("too high", "learning rate"),
    "rate-low": ("too low", "learning rate"),
    "zero-weights": ("zero", "weight"),
    "worn-out-sum": ("sum", "adagrad"),
    "noise": ("nois", "shak", "batch"),
    "capacity": ("too small", "capacity", "units"),
    "large-weights": ("weights", "init"),
    "broken-data": ("nan", "data"),
    "label-noise": ("label", "wrong"),
}
"""Words that would give a cause away."""


def test_there_are_nine_with_nine_causes() -> None:
    assert len(DRILLS) == 9
    assert {load_drill(name).cause for name in DRILLS} == set(TELLING)


@pytest.mark.parametrize("name", DRILLS)
def test_title_and_summary_do_not_give_the_cause_away(name: str) -> None:
    config, drill = load(name).first, load_drill(name)
    told = f"{config.title} {config.summary}".lower()
    assert config.group == "drills"
    assert config.summary.endswith(".")
    assert [word for word in (*TELLING[drill.cause], drill.cause) if word in told] == []
    assert drill.cause in drill.choices
    assert 3 <= len(drill.choices) <= 6
    path = Path(__file__).parents[2] / "presets" / f"{name}.toml"
    assert path.read_text().startswith("# ")


@pytest.mark.parametrize("name", DRILLS)
def test_the_good_run_is_a_run_and_was_measured(name: str) -> None:
    drill = load_drill(name)
    assert load(name, drill.good).first != load(name).first
    found = measured(name)
    assert found.seeds == 5
    assert found.good.least <= found.good.mean <= found.good.most
    assert found.solved.most <= found.good.most * drill.within
    assert found.interventions == len([act for act in drill.solution if act.command != "stop"])


def test_they_are_listed_last_in_a_group_of_their_own() -> None:
    names = [preset.name for preset in list_presets() if preset.group == "drills"]
    assert names == DRILLS
    assert [preset.name for preset in list_presets()][-9:] == DRILLS


def test_a_seed_draws_the_same_drill_for_a_class() -> None:
    assert [draw_drill(seed, DRILLS) for seed in range(40)] == [draw_drill(seed, DRILLS) for seed in range(40)]
    assert {draw_drill(seed, DRILLS) for seed in range(200)} == set(DRILLS)
    assert draw_drill(7) == draw_drill(7, DRILLS)


def test_a_drill_is_found_by_name_or_number() -> None:
    assert find_drill("3") == find_drill("drill-3") == "drill-3"
    with pytest.raises(UserError, match="no drill 'drill-33'; did you mean 'drill-3'"):
        find_drill("drill-33")
    with pytest.raises(UserError, match="no drill 'digits-mlp'"):
        find_drill("digits-mlp")


def test_a_drill_that_does_not_hold_together_is_refused() -> None:
    table = load_drill("drill-3").model_dump(mode="json")
    assert Drill.model_validate(table) == load_drill("drill-3")
    with pytest.raises(ValidationError, match="the cause 'capacity' is not among them"):
        Drill.model_validate({**table, "cause": "capacity", "choices": ["noise", "rate-low", "rate-high"]})
    with pytest.raises(ValidationError, match="each cause once"):
        Drill.model_validate({**table, "choices": ["rate-low", "rate-low", "rate-high"]})
    with pytest.raises(ValidationError, match="give either command"):
        Act(step=3)
    with pytest.raises(ValidationError):
        DrillMeasurement.model_validate({"seeds": 1, "good": {"mean": 0, "least": 0, "most": 0}})


def test_notes_say_what_was_answered_and_carry_it_on() -> None:
    progress = progress_of(["drill: hint", "drill: the cause is noise", "drill: the cause is capacity"])
    assert (progress.named, progress.hints, progress.starts) == ("noise", 1, 0), "the first answer counts"
    progress.steps, progress.interventions, progress.starts = 120, 2, 1
    assert progress_of(progress.notes()) == progress
    assert all(cause in CAUSES for cause in ("noise", "capacity"))


def test_the_measurements_are_those_of_the_drills() -> None:
    table = json.loads((Path(__file__).parents[2] / "presets" / "drills.json").read_text())
    assert list(table) == DRILLS
