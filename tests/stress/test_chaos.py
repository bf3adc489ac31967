"""Stress attacks with few attempts. All attempts: `python -m tests.stress.chaos`; without end: `make soak`."""

from __future__ import annotations

import shutil

import pytest

from benchmarks import sandbox
from tests.fork_server import ForkServer, subprocess_with
from tests.stress import chaos
from tests.stress.attacks import Outcome, disk, files, killing, screens, wire
from tests.stress.chaos import ATTACKS, TIMED, Attack, main, row

SEED = 7


@pytest.fixture(autouse=True)
def state_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def forked_runs(forks: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the processes of a sandbox instead of starting an interpreter for each."""
    monkeypatch.setattr(sandbox, "subprocess", subprocess_with(forks.popen))


def holds(outcome: Outcome) -> bool:
    assert outcome.failures == []
    return outcome.times > 0


def test_mutated_presets():
    assert holds(files.mutated_presets(200, SEED))


def test_random_keys_and_sizes():
    assert holds(screens.random_keys(30, SEED))


@pytest.mark.usefixtures("forked_runs")
class TestWithRuns:
    def test_code_in_checkpoints(self):
        assert holds(disk.code_in_files(1))

    def test_altered_bytes_in_a_run_folder(self):
        assert holds(disk.altered_bytes(1, SEED))

    def test_garbage_on_the_socket(self):
        assert holds(wire.garbage(10, SEED))

    def test_killed_at_a_random_moment(self):
        assert holds(killing.random_moments(1, SEED, ["diabetes"]))


@pytest.mark.long
@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.name not in TIMED], ids=lambda a: a.name)
def test_attack(attack: Attack):
    if attack.name in ("kill-calls", "fail-calls") and shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    outcome = attack.attempt(attack.quick, SEED)
    if not holds(outcome):
        pytest.skip(f"not possible here: {outcome.note}")


def test_a_failure_is_printed_and_is_the_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(chaos, "ATTACKS", (Attack("x", "w", "h", broken, 1, 1),))
    assert main(["x"]) == 1
    assert "FAILED 1x" in capsys.readouterr().out
    assert row(ATTACKS[0], Outcome(), 0.0)[3] == "not tried"


def test_a_soak_goes_through_seeds_and_ends_at_the_first_failure(monkeypatch, capsys):
    seeds: list[int] = []

    def attempt(times: int, seed: int) -> Outcome:
        seeds.append(seed)
        return Outcome(times, ["broken on purpose"] * (seed == 7))

    monkeypatch.setattr(chaos, "ATTACKS", (Attack("x", "w", "h", attempt, 5, 1),))
    assert main(["--soak", "--seed", "5"]) == 1
    assert seeds == [5, 6, 7]
    assert "make soak SEED=7" in capsys.readouterr().err


def broken(times: int, seed: int) -> Outcome:
    raise RuntimeError("broken on purpose")
