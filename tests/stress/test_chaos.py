"""A quick selection of the attacks, each a few times. All of them: `python -m tests.stress.chaos`."""

from __future__ import annotations

import pytest

from tests.stress.attacks import Outcome, disk, files, folders, screens, wire
from tests.stress.chaos import ATTACKS, main, row

SEED = 7


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def held(outcome: Outcome) -> bool:
    assert outcome.failures == []
    return outcome.times > 0


def test_mutated_presets():
    assert held(files.mutated_presets(600, SEED))


def test_keys_and_sizes_at_random():
    assert held(screens.random_keys(60, SEED))


def test_code_in_checkpoints():
    assert held(disk.code_in_files(1))


def test_bytes_altered_in_a_run_folder():
    assert held(disk.altered_bytes(1, SEED))


def test_a_folder_removed_and_made_again():
    assert held(folders.removed(1))


def test_a_folder_that_cannot_be_written():
    outcome = folders.read_only(2)
    if not outcome.times:
        pytest.skip(f"nothing can be made read-only here: {outcome.note}")
    assert held(outcome)


def test_rubbish_on_the_socket():
    assert held(wire.rubbish(25, SEED))


def test_a_failure_is_printed_and_is_the_exit_code(monkeypatch, capsys):
    monkeypatch.setattr("tests.stress.chaos.ATTACKS", (ATTACKS[0].__class__("x", "w", "h", _breaks, 1, 1),))
    assert main(["x"]) == 1
    assert "FAILED 1x" in capsys.readouterr().out
    assert row(ATTACKS[0], Outcome(), 0.0)[3] == "not tried"


def _breaks(times: int, seed: int) -> Outcome:
    raise RuntimeError("broken on purpose")
