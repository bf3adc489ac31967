"""`open`, `compare`, `diagnose` and `attach` with logs of other programs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

ROOT = Path(__file__).parents[1]
LOGS = ROOT / "fixtures" / "logs"
KERAS = str(LOGS / "csv" / "keras.csv")
OWN = ROOT / "fixtures" / "runs-0.1"


@pytest.mark.parametrize("command", ["open", "attach"])
def test_a_log_is_drawn(shell: Shell, command: str) -> None:
    result = shell(command, KERAS, "--once", "--width", "100", "--height", "30")
    assert result.code == 0, result.out
    assert "train 0.1153" in result.out
    assert "val 0.8418" in result.out


def test_a_tree_is_overlaid_with_an_own_run(shell: Shell, tmp_path: Path) -> None:
    shutil.copytree(OWN / "steered", tmp_path / "mine")
    target = tmp_path / "logs" / "version_0"
    target.mkdir(parents=True)
    shutil.copy(LOGS / "csv" / "lightning.csv", target / "metrics.csv")
    result = shell("open", str(tmp_path / "mine"), str(tmp_path / "logs"), "--once", "--width", "120", "--height", "36")
    assert result.code == 0, result.out
    assert "version_0" in result.out
    table = shell("compare", str(tmp_path / "mine"), str(tmp_path / "logs"), "--json")
    names = [run["name"] for run in json.loads(table.out)["runs"]]
    assert names[1:] == ["version_0"]


def test_diagnose_says_what_it_left_out(shell: Shell) -> None:
    result = shell("diagnose", KERAS)
    assert "The validation loss rises while the training loss falls (since epoch" in result.out
    assert "left out: the outputs were far too large" in result.out
    [record] = json.loads(shell("diagnose", KERAS, "--json").out)
    assert [finding["finding"] for finding in record["findings"]] == ["OVERFIT"]
    assert "step probes" in record["left_out"]


@pytest.mark.parametrize(
    ("command", "content", "said"),
    [
        ("open", b"", "the file is empty"),
        ("open", b"step,text\n1,x\n", "holds no numbers"),
        ("compare", b"a,b\n1,2\n", "no column is named step or epoch"),
        ("diagnose", b"step,loss\n", "holds no numbers"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(
    shell: Shell, command: str, content: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    once = ["--once"] if command == "open" else []
    result = shell(command, str(path), *once)
    assert result.code == 2, result.out
    assert said in result.err
    assert "bad.csv" in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["open", "compare", "diagnose"])
def test_a_pipe_and_links_without_an_end_are_named_at_once(shell: Shell, command: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")  # a reader of it would wait for a writer
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "lost.csv").symlink_to(tmp_path / "nowhere.csv")
    once = ["--once"] if command == "open" else []
    for name, said in (("pipe", "a pipe, socket or device"), ("loop", "in a circle"), ("lost", "leads to no file")):
        result = shell(command, str(tmp_path / f"{name}.csv"), *once)
        assert result.code == 2, result.out
        assert f"{name}.csv: " in result.err
        assert said in result.err
        assert len(result.err.splitlines()) == 1


def test_a_folder_without_a_run_or_log_is_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    for command in (("open", "--once"), ("diagnose",)):
        result = shell(*command, str(tmp_path / "notes"))
        shutil.copytree(OWN / "steered", shell.directory / "runs" / "mine", dirs_exist_ok=True)
        assert result.code == 2, result.out
        assert "notes: the folder holds no run, and no log that can be read" in result.err


def test_an_unknown_role_is_named(shell: Shell) -> None:
    result = shell("open", KERAS, "--map", "stp=epoch", "--once")
    assert result.code == 2
    assert "--map 'stp=epoch': write ROLE=COLUMN; a role is one of step, epoch" in result.err
