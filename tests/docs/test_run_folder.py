"""The examples of docs/run-folder.md, run on a recorded run where the tools are installed."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, blocks, page
from tui_trainer.protocol.events import EpochEnded
from tui_trainer.runs.history import read_history
from tui_trainer.runs.journal import read_events

PAGE = page("run-folder.md")
RECORDED = ROOT / "tests" / "fixtures" / "runs-0.1" / "steered"


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    shutil.copytree(RECORDED, tmp_path / "runs" / "NAME")
    monkeypatch.chdir(tmp_path)
    return read_history(tmp_path / "runs" / "NAME" / "events.jsonl")


def at_epochs() -> list[float | None]:
    """The validation losses at the ends of epochs, without those that a command asked for in between."""
    events = read_events(RECORDED / "events.jsonl")
    return [event.metrics["val_loss"] for event in events if isinstance(event, EpochEnded)]


def python(block: str) -> tuple[dict[str, Any], str]:
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block, names)
    return names, printed.getvalue()


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_jq_reads_epochs_interventions_rate_and_end(history: Any) -> None:
    lines = [line for block in blocks(PAGE, "sh") for line in block.splitlines()]
    outputs = [subprocess.run(line, shell=True, check=True, capture_output=True, text=True).stdout for line in lines]
    losses = at_epochs()
    assert [float(line.split("\t")[1]) for line in outputs[0].splitlines()] == pytest.approx(losses)
    assert all(step in outputs[1] for step in (str(step) for step, _ in history.interventions))
    assert float(outputs[2]) == history.rows[history.last_step]["lr"]
    assert outputs[3].strip() == history.finished.reason


@pytest.mark.filterwarnings("ignore")
def test_pandas_reads_epochs_and_steps(history: Any) -> None:
    pytest.importorskip("pandas")
    names, _ = python(blocks(PAGE, "python")[0])
    losses = {step: row["train_loss"] for step, row in sorted(history.rows.items()) if "train_loss" in row}
    assert names["losses"].to_dict() == pytest.approx(losses)
    assert list(names["epochs"]["val_loss"]) == pytest.approx(at_epochs())
    assert names["epochs"]["epoch"].max() == history.finished.epoch


@pytest.mark.filterwarnings("ignore")
def test_duckdb_reads_several_runs(history: Any) -> None:
    duckdb = pytest.importorskip("duckdb")
    best, steps = (duckdb.sql(block.strip().rstrip(";")).fetchall() for block in blocks(PAGE, "sql"))
    losses = at_epochs()
    ((_, lowest, _),) = best
    assert lowest == pytest.approx(min(losses))
    found = {step: loss for _, step, loss in steps if loss is not None}
    assert found == pytest.approx(
        {step: row["train_loss"] for step, row in history.rows.items() if "train_loss" in row}
    )


def test_configuration_and_versions_are_read_by_the_standard_library(history: Any) -> None:
    names, printed = python(blocks(PAGE, "python")[1])
    assert names["config"]["optimizer"]["kind"] in printed
    assert names["about"]["versions"]["torch"] in printed
