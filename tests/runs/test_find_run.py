"""The names that a command takes for a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs.many_runs import make_run
from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import MAX_SUGGESTIONS, find_run, find_runs
from tui_trainer.runs.run_dir import Owner, RunDir


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a directory with runs of three presets, in the order of their start."""
    for second, (name, preset) in enumerate(
        (
            ("2026-11-28_190000_digits-cnn_d0be", "digits-cnn"),
            ("2026-11-28_190001_digits-cnn_af0c", "digits-cnn"),
            ("2026-11-28_190002_init-grid_1111/relu", "init-grid"),
            ("2026-11-28_190002_init-grid_1111/tanh", "init-grid"),
            ("2026-11-28_190003_init-grid_2222/relu", "init-grid"),
            ("2026-11-28_190003_init-grid_2222/tanh", "init-grid"),
            ("spirals-1", "spirals"),
            ("spirals-2", "spirals"),
        )
    ):
        make_run(tmp_path / name, preset=preset, started=f"2026-11-28T18:00:{second:02}.000Z")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("digits-cnn", ["2026-11-28_190001_digits-cnn_af0c"]),
        ("init-grid", ["2026-11-28_190003_init-grid_2222/relu", "2026-11-28_190003_init-grid_2222/tanh"]),
        ("spirals", ["spirals-2"]),  # two names begin so: the preset decides
        ("spirals-1", ["spirals-1"]),
        ("d0be", ["2026-11-28_190000_digits-cnn_d0be"]),
        ("1111", ["2026-11-28_190002_init-grid_1111/relu", "2026-11-28_190002_init-grid_1111/tanh"]),
        ("2026-11-28_190000", ["2026-11-28_190000_digits-cnn_d0be"]),
        ("last", ["spirals-2"]),
    ],
)
def test_a_name_means(runs, name, found):
    assert [info.name for info in find_runs(name, runs)] == found


def test_an_exact_name_comes_before_a_preset_and_a_preset_before_a_beginning(runs):
    make_run(runs / "digits-cnn-old", preset="other")
    assert find_run("digits-cnn", runs).name == "2026-11-28_190001_digits-cnn_af0c"
    assert find_run("digits-cnn-", runs).name == "digits-cnn-old"
    make_run(runs / "digits-cnn", preset="other")
    assert find_run("digits-cnn", runs).name == "digits-cnn"


def test_of_live_runs_the_newest_live_one_of_the_preset_is_meant(runs):
    with pytest.raises(UserError, match="no live run 'digits-cnn'"):
        find_run("digits-cnn", runs, live=True)
    folder = RunDir(make_run(runs / "mine", preset="digits-cnn", started="2026-11-01T00:00:00Z", over=False))
    folder.hold(Owner(1, "here", ""))
    assert find_run("digits-cnn", runs, live=True).name == "mine"
    assert find_run("digits-cnn", runs).name == "2026-11-28_190001_digits-cnn_af0c"
    folder.release()


def test_an_unknown_name_is_answered_with_a_handful_of_near_ones(runs):
    for number in range(50):
        make_run(runs / f"sweep-{number}", preset="sweep")
    for unknown, near in (("digits-cn", "'digits-cnn'"), ("spirals-3", "'spirals-1'"), ("grid", "init-grid")):
        with pytest.raises(UserError) as error:
            find_run(unknown, runs)
        assert "did you mean" in str(error.value)
        assert near in str(error.value)
        assert "sweep" not in str(error.value)
        assert str(error.value).count("'") <= 2 + 2 * MAX_SUGGESTIONS
    with pytest.raises(UserError, match="the newest are spirals-2, spirals-1, 2026-11-28_190003_init-grid_2222; "):
        find_run("zzz", runs)
    with pytest.raises(UserError, match="matches several runs: sweep"):
        find_run("sweep-", runs)


@pytest.mark.parametrize("name", ["/nowhere/results.csv", "./results.csv", "../results.csv", "~/no such.csv"])
def test_a_path_that_does_not_exist_is_no_name_of_a_run(runs: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"^\S+.*: no such file or directory$"):
        find_run(name, runs)
