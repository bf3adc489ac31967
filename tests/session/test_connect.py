"""Finding runs by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui_trainer.errors import UserError
from tui_trainer.session.connect import folders_of
from tui_trainer.session.finished_run import JournalSession


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A group of two runs, whose names are not in the order of their start, and a single run."""
    for second, name in enumerate(("race/slow", "race/fast", "alone")):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "events.jsonl").touch()
        (folder / "about.json").write_text(json.dumps({"started": f"2026-11-23T14:03:1{second}.000Z"}))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "opened"),
    [("race", ["slow", "fast"]), ("race/fast", ["fast"]), ("alone", ["alone"]), ("last", ["alone"])],
)
def test_a_group_is_opened_in_the_order_of_its_runs(runs: Path, name: str, opened: list[str]) -> None:
    for given in {name, str(runs / name)} if name != "last" else {name}:
        sessions = [JournalSession(folder) for folder in folders_of(given, runs)]
        names = [session.drain()[0].states[0].run for session in sessions]  # pyright: ignore[reportAttributeAccessIssue]
        assert names == opened


def test_a_path_that_is_not_a_run_is_refused(runs: Path) -> None:
    (runs / "notes.txt").touch()
    with pytest.raises(UserError, match="is not a run folder"):
        folders_of(str(runs / "notes.txt"), runs)
    with pytest.raises(UserError, match="did you mean 'alone'"):
        folders_of("alnoe", runs)
