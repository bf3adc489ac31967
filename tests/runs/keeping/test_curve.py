"""The curve of a run: its validation loss, of a long journal a sample, without abandoned epochs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.keeping import curve
from tui_trainer.runs.keeping.curve import MAX_VALUES, NO_CURVE, SHORT, curve_of


def write(path: Path, events: list[ev.AnyEvent]) -> Path:
    (path / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
    return path


def epoch(number: int, **metrics: float | None) -> ev.AnyEvent:
    return ev.EpochEnded(step=number * 10, epoch=number, seconds=1.0, metrics=metrics)


def test_the_validation_loss_comes_before_the_training_loss(tmp_path):
    events = [epoch(n, train_loss=9.0, val_loss=None if n == 2 else 1 / n) for n in (1, 2, 3)]
    name, values = curve_of(write(tmp_path, events))
    assert name == "val_loss"
    assert values == pytest.approx([1.0, math.nan, 1 / 3], nan_ok=True)
    assert curve_of(write(tmp_path, [epoch(1, train_loss=2.0), epoch(2, train_loss=1.0)])) == ("train_loss", [2, 1])


def test_epochs_that_were_left_are_missing(tmp_path):
    numbers = [(1, 1.0), (2, 0.9), (3, 5.0), (2, 0.8), (3, 0.7)]
    assert curve_of(write(tmp_path, [epoch(n, val_loss=loss) for n, loss in numbers]))[1] == [1.0, 0.8, 0.7]


def test_before_the_first_epoch_the_losses_of_the_steps_are_drawn(tmp_path):
    events = [ev.Scalars(step=n, steps=[n], seconds=[0.1], values={"train_loss": [1 / n]}) for n in (1, 2, 4)]
    assert curve_of(write(tmp_path, events)) == ("train_loss", [1.0, 0.5, 0.25])


def test_of_a_long_journal_parts_are_read(tmp_path, monkeypatch):
    steps = list(range(200))
    filling = ev.Scalars(step=1, steps=steps, seconds=[0.1] * 200, values={"train_loss": [0.123456789] * 200})
    events = [each for n in range(1, 401) for each in (filling, epoch(n, val_loss=1 / n))]
    write(tmp_path, events)
    size = (tmp_path / "events.jsonl").stat().st_size
    assert size > 4 * SHORT
    read: list[int] = []
    pread = curve.os.pread
    monkeypatch.setattr(curve.os, "pread", lambda fd, count, at: read.append(count) or pread(fd, count, at))
    name, values = curve_of(tmp_path)
    assert name == "val_loss"
    assert 16 <= len(values) <= MAX_VALUES
    assert values == sorted(values, reverse=True)
    assert values[-1] == 1 / 400
    assert values[0] > 0.1
    assert sum(read) < size


@pytest.mark.parametrize("data", [b"", b"\xff\x00{{{\n" * 100, b'{"type":"EpochEnded","metrics":{"val_loss":1}}\n'])
def test_damaged_lines_have_no_curve(tmp_path, data):
    (tmp_path / "events.jsonl").write_bytes(data)
    assert curve_of(tmp_path) == NO_CURVE
    assert curve_of(tmp_path / "missing") == NO_CURVE
