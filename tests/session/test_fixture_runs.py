"""Runs that an earlier version recorded: they resume to their end, and train again to the same curves.

On the machine that recorded them the curves are equal to the bit; another CPU may round differently.
"""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import pytest

from tests.support import TrainerHarness
from tui_trainer.config.preset import load
from tui_trainer.config.run_config import RunConfig
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.spec import HostSpec, RunSpec
from tui_trainer.host.worker import Worker
from tui_trainer.runs.comparing.interventions import commands_by_step
from tui_trainer.runs.history import RunHistory, read_history
from tui_trainer.runs.run_dir import Owner, RunDir

RECORDED = Path(__file__).parent.parent / "fixtures" / "runs-0.1"
VALLEY = sorted(path.name for path in (RECORDED / "valley").iterdir())
TOLERANCE = 1e-5
LOOSE = {"step_quality": 1e-3}
"""Larger ones: a quotient of two small differences of losses."""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A copy of the recorded runs."""
    return Path(shutil.copytree(RECORDED, tmp_path / "runs"))


def config_of(path: Path) -> RunConfig:
    """The configuration of a run, without a limit of steps per second."""
    config = load(str(path)).first
    training = config.training.model_copy(update={"steps_per_second": 0.0, "device": "cpu"})
    return config.model_copy(update={"training": training})


def replayed(path: Path, folder: Path) -> RunHistory:
    """The run trained again with its commands at their steps."""
    directory = RunDir(folder)
    directory.create("", {}, Owner(os.getpid(), "here", ""))
    harness = TrainerHarness(config_of(path), directory)
    harness.trainer.follow(commands_by_step(read_history(path / "events.jsonl")))
    harness.finish()
    history = RunHistory()
    for event in harness.events:
        history.add(event)
    directory.release()
    return history


def assert_same_curves(history: RunHistory, recorded: RunHistory, last: int) -> None:
    """Compare every metric of every step up to `last`."""
    steps = [step for step in recorded.rows if step <= last]
    assert max(steps) == last
    for step in steps:
        for name, value in recorded.rows[step].items():
            other = history.rows[step][name]
            same = math.isclose(other, value, rel_tol=LOOSE.get(name, TOLERANCE), abs_tol=1e-9)
            assert same or (math.isnan(other) and math.isnan(value)), (step, name, value, other)


def test_a_killed_run_resumes_to_its_end(runs: Path, tmp_path: Path) -> None:
    path = runs / "killed"
    recorded = read_history(path / "events.jsonl")
    assert recorded.finished is None
    assert recorded.last_step < 160
    config = config_of(path).model_dump(mode="json", exclude_none=True)
    spec = HostSpec(runs=(RunSpec(name="killed", path=str(path), config=config, resume=True),), socket="")
    bus = EventBus()
    bus.add_run("killed")
    worker = Worker(spec, bus, lambda directory: None)
    try:
        worker.work()
    finally:
        bus.close()
        worker.release()
    assert (worker.exit_code, worker.refusal) == (0, "")
    history = read_history(path / "events.jsonl")
    assert history.finished is not None
    assert history.finished.reason == "completed"
    assert history.last_step == 160
    assert [step for step, _ in history.interventions] == [39, 88]
    assert_same_curves(history, recorded, recorded.last_step)
    assert_same_curves(replayed(path, tmp_path / "again"), history, 160)


def test_a_steered_run_trains_again_to_the_same_curves(runs: Path, tmp_path: Path) -> None:
    recorded = read_history(runs / "steered" / "events.jsonl")
    history = replayed(runs / "steered", tmp_path / "again")
    assert history.finished is not None
    assert history.finished.reason == "completed"
    assert_same_curves(history, recorded, 240)


@pytest.mark.parametrize("variant", VALLEY)
def test_variants_of_a_group_train_again_to_the_same_curves(runs: Path, tmp_path: Path, variant: str) -> None:
    recorded = read_history(runs / "valley" / variant / "events.jsonl")
    history = replayed(runs / "valley" / variant, tmp_path / "again")
    assert_same_curves(history, recorded, recorded.last_step)
