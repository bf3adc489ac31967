"""Differences between this machine and the one that trained a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.run_metadata import about
from tui_trainer.platform_support import processor_name
from tui_trainer.runs.comparing.environment_diff import differences


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of this machine."""
    (tmp_path / "about.json").write_text(json.dumps(about(TrainerHarness(tiny_config()).trainer.services, ["test"])))
    return tmp_path


def change(run: Path, **changes: object) -> None:
    path = run / "about.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_same_machine_has_no_differences(run: Path) -> None:
    assert differences(run) == []


def test_another_processor_is_named(run: Path) -> None:
    change(run, processor="Abacus 3000")
    assert differences(run) == [f"the processor was Abacus 3000, is {processor_name()}"]
    change(run, resumed=[{"processor": processor_name()}])  # the last machine counts
    assert differences(run) == []


def test_a_run_of_an_earlier_version_says_nothing_of_its_processor(run: Path) -> None:
    content = json.loads((run / "about.json").read_text())
    del content["processor"]
    (run / "about.json").write_text(json.dumps(content))
    assert differences(run) == []


def test_the_processor_is_that_of_the_system() -> None:
    names = {
        line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "name" in line
    }
    assert processor_name() in names or "model name" not in Path("/proc/cpuinfo").read_text()
