"""docs/watch.md shows commands that run, and lines that are read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, page
from tui_trainer.runs.catalog import list_runs
from tui_trainer.watching.patterns import read_line

PAGE = page("watch.md")


@pytest.mark.long
def test_the_example_runs(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (("tui-trainer", f"{sys.executable} -m tui_trainer"), ("python", sys.executable)):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        program.chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TUI_TRAINER_RUNS": str(tmp_path / "runs"),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", blocks(PAGE, "bash")[0]], capture_output=True, text=True, cwd=tmp_path, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = list_runs(tmp_path / "runs")
    assert (run.name, run.status, run.reason, run.step) == ("first", "finished", "completed", 40)
    assert "first" in done.stdout


def test_the_lines_of_the_table_are_read() -> None:
    cells = re.findall(r"^\| (\w.*?) \| (`.*`.*?) \|$", PAGE, flags=re.MULTILINE)
    known = [cell.replace("\\|", "|") for name, cell in cells if name != "anything else"]
    lines = [line for cell in known for line in re.findall("`([^`]+)`", cell)]
    read = [read_line(line) for line in lines]
    assert [each and each.format for each in read] == ["tqdm", "rich", "keras", "hugging-face", "plain", "plain"]
    assert all(each and each.values for each in read)
