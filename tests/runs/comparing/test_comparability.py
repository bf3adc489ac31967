"""Losses that cannot be compared, settings that differ, and versions of code, in words."""

from __future__ import annotations

from typing import Any

import pytest

from tui_trainer.runs.comparing.code_version import CodeVersion
from tui_trainer.runs.comparing.comparability import RunFacts, remarks
from tui_trainer.runs.comparing.settings import code_lines, settings_that_differ, shown_setting

BASE: dict[str, Any] = {
    "title": "A title", "loss.kind": "cross-entropy", "loss.label_smoothing": 0.0, "data.kind": "moons",
    "data.samples": 200, "data.validation": 0.2, "data.batch_size": 32, "training.seed": 0, "optimizer.lr": 0.1,
}  # fmt: skip


def two(*metrics: str, **changes: Any) -> list[str]:
    """Return the remarks on a run and one with other settings; a double underscore stands for the dot."""
    other = BASE | {key.replace("__", "."): value for key, value in changes.items()}
    return remarks([RunFacts("a", BASE, metrics=metrics), RunFacts("b", other, metrics=metrics)])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer__lr": 0.2},
        {"title": "another"},
        {"data__batch_size": 8},
        {"data__sampling": "full"},
        {"data__standardise": False},
        {"training__epochs": 9},
    ],
)
def test_what_does_not_change_the_loss_is_no_remark(changes: dict[str, Any]) -> None:
    assert two(**changes) == []


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"loss__kind": "mse"}, "losses are not comparable: other loss functions (a: cross-entropy; b: mse)"),
        (
            {"loss__label_smoothing": 0.1},
            "losses are not comparable: other loss functions (a: cross-entropy label_smoothing 0; "
            "b: cross-entropy label_smoothing 0.1)",
        ),
        (
            {"data__kind": "digits"},
            "losses are not comparable: other data (a: moons (data.samples 200); b: digits (data.samples 200))",
        ),
        (
            {"data__validation": 0.3},
            "validation losses are not comparable: other split (a: data.validation 0.2; b: data.validation 0.3)",
        ),
        (
            {"data__label_noise": 0.1},
            "training losses are not comparable: other labels (a: ; b: data.label_noise 0.1)",
        ),
        (
            {"training__seed": 1},
            "each seed draws its own split: validation losses of two seeds are not of the same samples",
        ),
    ],
)
def test_each_reason_is_named_with_the_values(changes: dict[str, Any], remark: str) -> None:
    assert two(**changes) == [remark.replace("(a: ; b", "(a: not set; b")]


def test_standardised_targets_have_other_units_in_a_regression_alone() -> None:
    assert two("val_loss", "val_accuracy", data__standardise=False) == []
    (remark,) = two("val_loss", "val_rmse", data__standardise=False)
    assert "other units of the targets" in remark


def test_files_are_compared_by_their_content() -> None:
    def facts(name: str, path: str, digest: str, count: int) -> RunFacts:
        recorded = {"name": path, "own": True, "count": count, "unit": "rows", "size": 9, "hash": digest}
        config = {"data.kind": "csv", "data.path": path, "loss.kind": "mse", "training.seed": 0}
        return RunFacts(name, config, {"data": recorded})

    assert remarks([facts("a", "/x/data.csv", "00ff", 10), facts("b", "/y/moved.csv", "00ff", 10)]) == []
    (remark,) = remarks([facts("a", "/x/data.csv", "00ff", 10), facts("b", "/x/data.csv", "11ff", 12)])
    assert "10 rows" in remark
    assert "12 rows" in remark


def test_many_runs_are_counted_not_listed() -> None:
    runs = [RunFacts(f"r{k}", BASE | {"loss.kind": "mse" if k == 7 else "l1"}) for k in range(50)]
    (remark,) = remarks(runs)
    assert "r0, r1, r2 and 46 more: l1; r7: mse" in remark
    assert remarks([RunFacts("a", {}), RunFacts("b", BASE)]) == []


def test_settings_that_differ_leave_out_texts_and_none() -> None:
    first = BASE | {
        "lesson.claim": "x",
        "narration": "long",
        "summary": "s",
        "group": "g",
        "optimizer.betas": [0.9, 0.99],
    }
    second = BASE | {"title": "b", "optimizer.lr": 1e-05, "training.compile": True}
    assert settings_that_differ([first, second]) == {
        "optimizer.lr": ["0.1", "1e-05"],
        "optimizer.betas": ["0.9, 0.99", "-"],
        "training.compile": ["-", "true"],
    }
    assert settings_that_differ([first, {}]) == {}
    assert shown_setting("\x1b[2J") == "␛[2J"


def test_code_is_grouped_by_version() -> None:
    one = CodeVersion(commit="1" * 40, branch="main", changed=("a.py", "b.py"), changed_count=2)
    other = CodeVersion(commit="2" * 40)
    assert code_lines(["x", "y"], [one, one]) == [("all runs", "11111111 on main, 2 files changed: a.py, b.py")]
    assert [of for of, _ in code_lines(["x", "y", "z"], [one, other, None])] == ["x", "y"]
    assert code_lines(["x"], [None]) == []
    many = CodeVersion(commit="3" * 40, changed=tuple("abcdefgh"), changed_count=60)
    assert code_lines(["x"], [many])[0][1].endswith("60 files changed: a, b, c, d, e, f and 54 more")
