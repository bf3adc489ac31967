"""Mirrors of runs: what is in their files, as it comes, after a full disk, and after a resume."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import threading
import time
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import pytest

from tests.runs.exporting.sample_runs import LOSSES, SPOKEN, steered
from tests.runs.sample_journals import eventful
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.mirroring import mirror, mirror_files
from tui_trainer.host.mirroring.mirror import start_mirror
from tui_trainer.protocol import events as ev
from tui_trainer.readers.find_logs import log_at
from tui_trainer.runs.exporting.curves import StepCurve
from tui_trainer.runs.exporting.exported_run import ExportedRun
from tui_trainer.runs.exporting.log_runs import read_log_runs
from tui_trainer.runs.history import RunHistory
from tui_trainer.runs.journal import Journal


@pytest.fixture(autouse=True)
def _written_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "CLOSE_SECONDS", 120.0)  # a busy machine may need more than the usual ones


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def publish(folder: Path, events: list[ev.AnyEvent], *kinds: str, resumed: bool = False) -> EventBus:
    """Publish events on a bus with mirrors, and close it."""
    bus = EventBus()
    bus.add_run("r")
    start_mirror(bus, kinds, {"r": folder}, ["r"] if resumed else [])
    bus.attach_journal("r", Journal(folder / "events.jsonl"))
    for event in events:
        bus.publish("r", event)
    bus.close()
    return bus


def read(path: Path) -> ExportedRun:
    log = log_at(path)
    assert log is not None
    (run,) = read_log_runs(log, {})
    return run


def event_file(folder: Path) -> Path:
    (path,) = folder.glob("events.out.tfevents.*")
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_measurement_is_in_the_file_with_later_rows_winning(tmp_path: Path, kind: str, seed: int) -> None:
    events = list(takewhile(lambda event: not isinstance(event, ev.RolledBack), eventful(seed, 2400)))
    publish(tmp_path, events, kind)
    run = read(tmp_path / f"metrics.{kind}")
    history = RunHistory()
    for event in events:
        history.add(event)
    for name in ("train_loss", "lr", "val_loss", "grad_norm/hidden"):
        expected = {step: row[name] for step, row in history.rows.items() if name in row}
        if kind == "jsonl":
            expected = {step: value for step, value in expected.items() if math.isfinite(value)}
        curve = run.curves.get(name, StepCurve())
        assert dict(zip(curve.steps, curve.values, strict=True)) == expected


def test_a_table_gets_columns_as_they_come_and_says_what_was_done(tmp_path: Path) -> None:
    publish(tmp_path, steered(), "csv", "jsonl")
    with open(tmp_path / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:3] == ["step", "epoch", "seconds"]
    assert set(list(rows[0])[3:]) == {"train_loss", "lr", "val_loss", "intervention"}
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 41)]
    assert [float(row["train_loss"]) for row in rows if row["step"] != "7"] == [*LOSSES[:6], *LOSSES[7:]]
    assert rows[6]["train_loss"] == "inf"
    assert SPOKEN in rows[19]["intervention"]
    assert rows[34]["val_loss"] == "0.5"
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 41))
    assert lines[6]["train_loss"] is None


def test_an_event_file_has_the_times_at_which_it_happened(tmp_path: Path) -> None:
    before = time.time()
    publish(tmp_path, steered(), "tensorboard")
    run = read(event_file(tmp_path))
    assert list(run.curves["train_loss"].steps) == list(range(1, 41))
    assert list(run.curves["val_loss"].steps) == [20, 35, 40]
    assert before - 6 < run.started_at < time.time()


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_drops_what_was_undone(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = [event for event in eventful(3, 800) if not isinstance(event, ev.RunFinished)]
    assert any(isinstance(event, ev.RolledBack) for event in events)
    publish(tmp_path, events, "tensorboard")
    history = RunHistory()
    for event in events:
        history.add(event)
    board = accumulator.EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    board.Reload()
    steps = [each.step for each in board.Scalars("train_loss")]
    assert steps == sorted(step for step, row in history.rows.items() if "train_loss" in row)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "tensorboard"])
def test_a_full_disk_is_said_once_and_nothing_is_lost(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = threading.Event()
    tried = threading.Semaphore(0)
    original = mirror_files.write_all

    def write(descriptor: int, data: bytes) -> None:
        if full.is_set():
            os.write(descriptor, data[: len(data) // 2])
            tried.release()
            raise OSError(errno.ENOSPC, "No space left on device")
        original(descriptor, data)

    monkeypatch.setattr(mirror_files, "write_all", write)
    monkeypatch.setattr(mirror, "SECONDS", 0.01)
    bus = EventBus()
    bus.add_run("r")
    start_mirror(bus, [kind], {"r": tmp_path})
    events = steered()
    bus.publish("r", events[0])
    bus.publish("r", events[1])
    path = lambda: next(iter([*tmp_path.glob("metrics.*"), *tmp_path.glob("events.out*")]), None)  # noqa: E731
    until(lambda: (found := path()) is not None and found.stat().st_size > 100)
    full.set()
    for event in events[2:]:
        bus.publish("r", event)
    for _ in range(3):
        assert tried.acquire(timeout=120)
    full.clear()
    until(lambda: "written again" in " ".join(line.text for line in bus.states()[0].log))
    bus.close()
    said = [line.text for line in bus.states()[0].log if "--mirror" in line.text]
    assert said == [
        f"--mirror {kind}: cannot be written: No space left on device; the training goes on",
        f"--mirror {kind}: is written again",
    ]
    found = path()
    assert found is not None
    run = read(found)
    assert list(run.curves["train_loss"].steps) == [step for step in range(1, 41) if step != 7 or kind != "jsonl"]
    assert list(run.curves["val_loss"].steps) == [20, 35, 40]


def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    bus = EventBus()
    bus.add_run("r")
    start_mirror(bus, ["csv"], {"r": tmp_path / "nowhere"})
    for event in steered():
        bus.publish("r", event)
    bus.close()
    said = [line.text for line in bus.states()[0].log if "--mirror" in line.text]
    assert said == ["--mirror csv: cannot be written: No such file or directory; the training goes on"]


def test_a_resumed_run_goes_on_with_the_mirrors_it_had(tmp_path: Path) -> None:
    publish(tmp_path, steered(), "csv")
    with open(tmp_path / "metrics.csv", "a") as file:
        file.write("41,5,")  # the host was killed in the middle of a line
    again = ev.RunStarted(title="Small", steps_per_epoch=10, epochs=5, step=38)
    more = ev.Scalars(
        step=40, steps=[39, 40], seconds=[9.0, 9.5], values={"train_loss": [7.0, 8.0], "late": [1.0, 2.0]}
    )
    publish(tmp_path, [again, more], resumed=True)
    run = read(tmp_path / "metrics.csv")
    assert list(run.curves["train_loss"].values)[-3:] == [LOSSES[37], 7.0, 8.0]
    assert list(run.curves["late"].steps) == [39, 40]
    assert not event_files(tmp_path)


def event_files(folder: Path) -> list[Path]:
    return list(folder.glob("events.out*"))
