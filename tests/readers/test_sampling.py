"""Samples of a long log: a first picture before all of it has been read."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.readers import event_writer as w
from tui_trainer.readers import sampling
from tui_trainer.readers.find_logs import Log, log_at
from tui_trainer.session.base import Greeting
from tui_trainer.session.logs.log_session import LogSession

STEPS = 4000


def loss(step: int) -> float:
    return math.exp(-step / STEPS)


def csv(path: Path) -> Path:
    path.write_text("step,loss,val_loss\n" + "".join(f"{s},{loss(s)!r},{loss(s) + 1}\n" for s in range(1, STEPS + 1)))
    return path


def jsonl(path: Path) -> Path:
    path.write_text("".join(json.dumps({"step": s, "loss": loss(s)}) + "\n" for s in range(1, STEPS + 1)))
    return path


def events(path: Path) -> Path:
    path.write_bytes(
        b"".join(w.scalar(1e9 + s, s, tag, loss(s)) for s in range(1, STEPS + 1) for tag in ("loss", "lr"))
    )
    return path


@pytest.fixture(params=[(csv, "a.csv"), (jsonl, "a.jsonl"), (events, "events.out.tfevents.1")], ids=lambda p: p[1])
def log(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    for name, value in {"MIN_BYTES": 1 << 14, "WINDOWS": 12, "WINDOW": 512}.items():
        monkeypatch.setattr(sampling, name, value)
    write, name = request.param
    found = log_at(write(tmp_path / name))
    assert found is not None
    return found


def test_samples_are_true_points_from_the_whole_log(log: Log) -> None:
    [rows] = sampling.sampled(log, {}).values()
    column = rows.columns["loss"]
    assert column.steps[0] == 1
    assert column.steps[-1] == STEPS
    assert 12 <= len(column.steps) < STEPS // 2
    assert max(b - a for a, b in zip(column.steps, column.steps[1:], strict=False)) < 2 * STEPS // 12
    assert list(column.values) == pytest.approx([loss(step) for step in column.steps], rel=1e-6)


def test_the_first_picture_is_the_sample_and_the_last_one_is_exact(log: Log) -> None:
    session = LogSession(log, {}, budget=60.0)
    [first] = session.drain()
    assert isinstance(first, Greeting)
    assert first.read < 1
    assert first.states[0].series["train_loss"].last_step == STEPS
    assert not first.states[0].findings
    last = session.drain()[-1]
    assert isinstance(last, Greeting)
    assert last.read == 1
    assert last.states[0].series["train_loss"].count == STEPS


def test_a_short_log_is_not_sampled(tmp_path: Path) -> None:
    log = log_at(csv(tmp_path / "a.csv"))
    assert log is not None
    assert sampling.sampled(log, {}) == {}
