"""The script for a GPU, on the CPU: rows that fail, hang or are out of time lose themselves alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import __main__ as script
from benchmarks.gpu.results import Result, read, table
from benchmarks.gpu.rows import ROWS


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Result]]:
    """Results by row, in place of processes."""
    results = {name: [Result(name, "1", holds=True)] for name in ROWS}
    monkeypatch.setattr(script, "run_row", lambda name, limit, device, log: results[name])
    return results


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpu", *arguments])
    return script.main()


def test_a_row_that_fails_is_said_and_the_others_are_there(
    rows: dict[str, list[Result]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows["broken"] = [Result("broken", holds=False, note="exit code -6: CUDA error | more")]
    assert run(monkeypatch, "--json", str(tmp_path / "gpu.json")) == 1
    printed = capsys.readouterr().out
    assert "CUDA error / more" in printed.rpartition("| row")[2], "a bar would break the table"
    saved = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert [row["name"] for row in saved] == list(ROWS)
    assert {row["name"] for row in saved if row["verdict"] == "FAILS"} == {"broken"}


def test_rows_without_time_are_listed(
    rows: dict[str, list[Result]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--minutes", "0.1") == 0
    assert capsys.readouterr().out.count("s of 0.1 min left") == len(ROWS) - 1  # the machine is no row of the table


def test_without_the_device_nothing_else_is_tried(
    rows: dict[str, list[Result]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows["machine"] = [Result("machine", holds=False, note="torch sees no CUDA device")]
    assert run(monkeypatch) == 1
    printed = capsys.readouterr().out
    assert "torch sees no CUDA device" in printed
    assert "digits-mlp" not in printed


def test_a_row_that_hangs_or_crashes_keeps_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = "import sys, time; from pathlib import Path; from benchmarks.gpu.results import Result; "
    child += "Result('first', 'ok').write(Path(sys.argv[1])); "
    started = subprocess.Popen

    def start(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        last = {"hangs": "time.sleep(600)", "crashes": "sys.exit('RuntimeError: CUDA error')"}[command[3]]
        code = f"{child}open(sys.argv[2], 'w').close(); {last}"
        process = started([sys.executable, "-c", code, command[7], str(tmp_path / "written")], **options)  # type: ignore[call-overload]
        while command[3] == "hangs" and not (tmp_path / "written").exists():
            assert process.poll() is None
        return process

    monkeypatch.setattr(script.subprocess, "Popen", start)
    for name, words in (("hangs", "stopped after 1 s"), ("crashes", "exit code 1: RuntimeError: CUDA error")):
        first, last = script.run_row(name, 1.0 if name == "hangs" else 60.0, "cpu", tmp_path / f"{name}.log")
        assert (first.name, first.value) == ("first", "ok")
        assert (last.holds, last.note) == (False, words)


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    Result("whole", "1").write(tmp_path / "out")
    with (tmp_path / "out").open("a") as file:
        file.write('{"name": "to')
    assert [result.name for result in read(tmp_path / "out")] == ["whole"]
    assert read(tmp_path / "missing") == []
    assert table([Result("a", skipped="no time")]).count("skipped") == 1


@pytest.mark.long
def test_a_family_holds_on_the_cpu(tmp_path: Path) -> None:
    results = script.run_row("breast-cancer", 600.0, "cpu", tmp_path / "row.log")
    assert [result.holds for result in results] == [True] * 3, results
    assert results[0].value == "0.0e+00"
