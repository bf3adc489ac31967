"""Every preset of the lecture: it explains itself, and each of its runs is built and trains an epoch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_trainer.config.preset import load, preset_names
from tui_trainer.lecture.outline import GROUPS, ROWS
from tui_trainer.lecture.trained_run import TrainedRun
from tui_trainer.lecture.training_cache import TrainingCache

FOLDER = Path(__file__).parents[2] / "presets"
NAMES = [name for name in preset_names() if load(name).first.lesson is not None]
MANY = "init-grid"
QUICK = {"act-sign", "sampling", "lr-low", "adam", "plateau-val", "init-zero"}
"""A preset of each part of the lecture; the others are trained by the long tests."""


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_lesson_that_explains_itself(name: str) -> None:
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    config = load(name).first
    lesson = config.lesson
    assert lesson is not None
    assert text.startswith("# ")
    assert text.count("#") >= 5
    assert max(map(len, text.splitlines())) <= 120
    assert config.title
    assert config.summary.endswith(".")
    assert config.group == ROWS[lesson.rows[0]].group
    assert config.group in GROUPS
    assert set(lesson.rows) <= set(ROWS)
    assert lesson.remarks[0].at == "start"
    assert lesson.remarks[-1].at == "end"
    epochs = [remark.epoch for remark in lesson.remarks if remark.epoch is not None]
    assert epochs == sorted(set(epochs))
    assert max(epochs, default=0) <= config.training.epochs


def _one_epoch(preset: str, variants: set[str] | None = None) -> dict[str, TrainedRun]:
    configs = load(preset, ["training.epochs=1"]).runs
    school = TrainingCache(0)
    return {name: school.train(c, name) for name, c in configs.items() if variants is None or name in variants}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in NAMES if name != MANY]
)
def test_each_of_its_runs_trains_an_epoch(name: str) -> None:
    for run in _one_epoch(name).values():
        assert run.diverged or len(run.epochs) == 1
        assert run.record.last_step >= 1


def test_a_part_of_the_grid_trains_an_epoch() -> None:
    wanted = {"relu-kaiming", "tanh-xavier", "sign-zero", "abs-orthogonal-root2"}
    assert set(_one_epoch(MANY, wanted)) == wanted
    assert len(load(MANY).runs) == 9 * 7
