"""Rows that are measured in two processes: the same numbers in the same order, and a clean end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tui_trainer.cli.main import main
from tui_trainer.lecture.claims import Measured, above
from tui_trainer.lecture.measuring.portions import portions
from tui_trainer.lecture.measuring.runner import check
from tui_trainer.lecture.registry import Check, checks
from tui_trainer.lecture.training_cache import TrainingCache


def _seed(school: TrainingCache) -> Iterator[Measured]:
    yield Measured("the seed", school.seed, above(0))


def _check(row: str, *presets: str) -> Check:
    return Check(row, presets, _seed)


def test_rows_that_share_a_preset_are_one_portion_of_each_seed() -> None:
    wanted = [_check("A", "one"), _check("B", "two"), _check("C", "three"), _check("D", "one", "three")]
    rows = [(portion.seed, [one.row for one in portion.checks]) for portion in portions(wanted, [3, 1])]
    assert rows == [(3, ["B"]), (3, ["A", "C", "D"]), (1, ["B"]), (1, ["A", "C", "D"])]


def test_portions_of_the_lecture_share_no_preset() -> None:
    work = portions(list(checks().values()), [0])
    presets = [{name for one in portion.checks for name in one.presets} for portion in work]
    assert sum(len(names) for names in presets) == len(set.union(*presets))
    assert sorted(one.row for portion in work for one in portion.checks) == sorted(checks())


def test_verdicts_stand_in_the_order_of_the_rows_and_seeds_whatever_is_measured_first() -> None:
    wanted = [_check("A", "one"), _check("B", "two"), _check("D", "one")]
    assert [(one.row, one.values) for one in check(wanted, [3, 1])] == [("A", (3, 1)), ("B", (3, 1)), ("D", (3, 1))]


def test_jobs_need_a_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lecture", "--jobs", "2"]) == 2
    assert "--jobs needs --check" in capsys.readouterr().err


@pytest.mark.long
def test_two_processes_measure_the_same_numbers_to_the_bit(capsys: pytest.CaptureFixture[str]) -> None:
    printed: list[str] = []
    rows = ["S03", "S11", "S17", "S31", "S32"]
    for jobs in ("1", "2"):
        assert main(["lecture", "--check", *rows, "--seeds", "0", "--jobs", jobs, "--json"]) == 0
        out, err = capsys.readouterr()
        printed.append(out)
        assert "seed 0: training sampling shuffle" in err
        assert "seed 0: S32 measured" in err
    assert printed[0] == printed[1]
    assert list(dict.fromkeys(one["row"] for one in json.loads(printed[0]))) == rows


def _lecture_check(*rows: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tui_trainer", "lecture", "--check", *rows, "--jobs", "2"]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("ended", ["interrupted", "killed"])
def test_no_process_outlives_a_check_that_is_ended(ended: str) -> None:
    with _lecture_check("S24", "S33") as process:
        assert process.stderr is not None
        ending = Thread(target=process.wait, args=(120,))
        ending.start()
        for line in process.stderr:
            if "training" in line:
                break
        assert len(_children(process.pid)) >= 2
        os.kill(process.pid, signal.SIGINT if ended == "interrupted" else signal.SIGKILL)
        rest = process.stderr.read()  # until the last process that holds it has ended
        ending.join()
        assert process.returncode == (130 if ended == "interrupted" else -signal.SIGKILL)
        assert "Traceback" not in rest


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads /proc")
def test_a_process_that_is_killed_is_an_error_in_words() -> None:
    with _lecture_check("S24", "S33") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "training" in line:
                break
        for child in _children(process.pid):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(child, signal.SIGKILL)
        rest = process.stderr.read()
        assert process.wait(120) == 2
        assert "ran out of memory: check fewer rows at a time" in rest
        assert "Traceback" not in rest
