"""Runs of several processes by the command line: a rank that is killed, and a stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.long
LONG = ("training.epochs=4000", "early_stopping.enabled=false", "model.hidden=[8]", "checkpoints.every_seconds=0.5")
SECONDS = 240.0


TUI = (sys.executable, "-m", "tui_trainer")


def events(folder: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    except (OSError, ValueError):
        return []


def finished(folder: Path) -> dict[str, Any]:
    """Return how the run ended; what was printed may follow."""
    return next(event for event in events(folder) if event["type"] == "RunFinished")


def wait_for(condition: Any) -> Any:
    deadline = monotonic() + SECONDS
    while monotonic() < deadline:
        if found := condition():
            return found
        sleep(0.05)
    raise AssertionError("did not happen")


def ranks_of(launcher: int) -> dict[int, psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for process in psutil.Process(launcher).children():
        environment = process.environ()
        if "RANK" in environment:
            found[int(environment["RANK"])] = process
    return found


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    arguments = ("digits-mlp", *LONG, "--processes", "2", "--headless", "--runs-dir", str(tmp_path), "--name", "many")
    null = subprocess.DEVNULL
    process = subprocess.Popen([*TUI, "run", *arguments], stdout=null, stderr=null, start_new_session=True)
    try:
        wait_for(lambda: [event for event in events(tmp_path / "many") if event["type"] == "CheckpointSaved"])
        yield process, tmp_path / "many"
    finally:
        for each in [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []:
            each.kill()
        process.kill()
        process.wait()


def test_a_rank_that_is_killed_is_named_in_the_journal(launched: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, folder = launched
    ranks_of(process.pid)[1].send_signal(signal.SIGKILL)
    assert process.wait(SECONDS) == 1
    last = finished(folder)
    assert last["reason"] == "failed"
    assert last["detail"].startswith("rank 1 ")
    assert "killed" in last["detail"]
    assert "on disk: last of step " in last["detail"]
    assert not (folder / "ended.json").exists()


def test_a_first_rank_that_is_killed_leaves_a_note_that_is_shown(
    launched: tuple[subprocess.Popen[bytes], Path],
) -> None:
    process, folder = launched
    ranks_of(process.pid)[0].send_signal(signal.SIGKILL)
    assert process.wait(SECONDS) == 1
    assert json.loads((folder / "ended.json").read_text())["reason"].startswith("rank 0 ")
    command = [*TUI, "open", "many", "--once", "--width", "200", "--runs-dir", str(folder.parent)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    assert "rank 0 " in shown.stdout


def test_a_signal_to_another_rank_stops_all_at_one_step(launched: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, folder = launched
    ranks_of(process.pid)[1].send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0
    last = finished(folder)
    assert last["reason"] == "interrupted"
    saved = [event for event in events(folder) if event["type"] == "CheckpointSaved" and event["name"] == "last"]
    assert saved[-1]["step"] == last["step"]
