"""`export`: formats, several runs, logs of other programs, what is refused."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os

import pytest

from tests.docs.pages import ROOT

LOGS = ROOT / "tests" / "fixtures" / "logs"
STEERED = ROOT / "tests" / "fixtures" / "runs-0.1" / "steered"


def test_several_runs_of_any_kind_share_a_file(shell):
    (log,) = (LOGS / "csv").rglob("lightning.csv")
    done = shell("export", str(STEERED), str(log), "--to", "csv", "-o", "-")
    assert done.code == 0
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0])[-2:] == ["intervention", "run"]
    assert len({row["run"] for row in rows}) == 2
    assert sum(bool(row["intervention"]) for row in rows) >= 4
    done = shell("export", str(STEERED), "--to", "jsonl")
    assert (done.code, done.out) == (0, "")
    lines = (shell.directory / "steered.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["step"] == 1
    assert f"{len(lines)} steps written" in done.err


def test_tensorboard_gets_a_folder_for_each_run_and_opens_again(shell):
    (log,) = (LOGS / "csv").rglob("lightning.csv")
    assert shell("export", str(STEERED), str(log), "--to", "tensorboard", "-o", "board").code == 0
    files = sorted((shell.directory / "board").rglob("events.out.tfevents.*"))
    assert len({file.parent for file in files}) == 2
    again = shell("export", str(STEERED), str(log), "--to", "tensorboard", "-o", "board")
    assert again.code == 2
    assert "exists and was not changed: add --force" in again.err
    assert shell("export", str(STEERED), str(log), "--to", "tensorboard", "-o", "board", "--force").code == 0
    compared = shell.json("compare", "board")
    assert len(compared["runs"]) == 2


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--to", "tensorboard", "-o", "-"], ["TensorBoard reads folders", "-o"]),
        (["--to", "tensorboard", "-o", "tiny.toml"], ["'tiny.toml' is a file"]),
        (["--to", "jsonl", "--interventions"], ["--interventions is for --to csv"]),
        (["--to", "csv", "-o", "none/x.csv"], ["none", "No such file"]),
        (["--to", "csw"], ["csw", "csv"]),
        (["nothing", "--to", "csv"], ["nothing"]),
        (["--to", "csv", "--map", "stepp=a"], ["--map", "ROLE=COLUMN"]),
    ],
)
def test_what_cannot_be_written_is_said_in_one_line(shell, arguments, parts):
    before = sorted(os.listdir(shell.directory))
    done = shell("export", str(STEERED), *arguments)
    assert done.code == 2
    assert all(part in done.err for part in parts), done.err
    assert sorted(os.listdir(shell.directory)) == before


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is not None, reason="pyarrow is installed")
def test_parquet_without_its_library_says_how_to_get_it(shell):
    done = shell("export", str(STEERED), "--to", "parquet")
    assert done.code == 2
    assert done.err == ("tui-trainer: Parquet files need pyarrow: install it with pip install 'tui-trainer[parquet]'\n")
    assert not list(shell.directory.glob("*.parquet"))


def test_a_run_of_the_format_before_exports_what_it_did(shell):
    plain = shell("export", str(STEERED), "--to", "csv", "-o", "-").out
    more = shell("export", str(STEERED), "--to", "csv", "-o", "-", "--interventions").out
    assert plain.splitlines()[0] + ",intervention" == more.splitlines()[0]
    rows = [row for row in csv.DictReader(io.StringIO(more)) if row["intervention"]]
    assert {int(row["step"]) for row in rows} <= set(range(1, 10_000))
    assert "learning rate" in " ".join(row["intervention"] for row in rows)
