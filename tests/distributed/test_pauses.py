"""The time between two saves of several ranks: what a kill can lose."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from tui_trainer.config.run_config import Checkpoints
from tui_trainer.engine.ranks.checkpointer import SharedCheckpointer
from tui_trainer.runs.run_dir import RunDir


def checkpointer(folder: Path, every_seconds: float = 5.0) -> SharedCheckpointer:
    return SharedCheckpointer(RunDir(folder), Checkpoints(every_seconds=every_seconds), lambda event: None)


def test_a_slow_first_save_does_not_decide_about_the_second(tmp_path: Path) -> None:
    first_saved = checkpointer(tmp_path)
    assert first_saved.pause_after(1.2) == pytest.approx(24)
    assert first_saved.pause_after(0.1) == pytest.approx(10)


@pytest.mark.parametrize(("cost", "seconds"), [(0.01, 1), (0.5, 50), (0.7, 60), (2.9, 60), (6.0, 120)])
def test_saves_take_one_percent_and_up_to_five_where_that_is_rarer_than_a_minute(
    cost: float, seconds: float, tmp_path: Path
) -> None:
    saved = checkpointer(tmp_path)
    saved.pause_after(0.0)
    assert saved.pause_after(cost) == pytest.approx(seconds)


def test_the_next_save_is_due_after_the_pause_and_not_before_the_interval(tmp_path: Path) -> None:
    saved = checkpointer(tmp_path, every_seconds=40.0)
    saved.plan_next(100.0, perf_counter() - 0.3)  # the first: a pause of 6 s, less than the interval
    assert not saved.due_by_time(139.0)
    assert saved.due_by_time(140.0)
    saved.plan_next(200.0, perf_counter() - 2000.0)  # slower than any: a pause of 20 times as much
    assert not saved.due_by_time(40_199.0)
    assert saved.due_by_time(40_900.0)
