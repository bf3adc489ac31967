"""Many records of an event file at once: the same numbers as one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.readers import event_writer as w
from tui_trainer.readers.reading import Position, Rows
from tui_trainer.readers.tensorboard import event_files
from tui_trainer.readers.tensorboard.blocks import read_blocks

START = 1_700_000_000.0
STEPS = (1, 2, 3, 126, 127, 128, 16_383, 16_384, (1 << 53) + 1)
"""Steps around which a step takes one byte more."""


def values(path: Path) -> tuple[dict[str, list[tuple[int, float]]], list[tuple[int, float]], list[str]]:
    """All numbers of a file by tag, its times, and the notes."""
    position, columns, times, notes = Position(), dict[str, list[tuple[int, float]]](), [], list[str]()
    while True:
        reading = event_files.read_events(path, position, {})
        position = reading.position
        notes += reading.notes
        for rows in reading.runs.values():
            for tag, column in rows.columns.items():
                columns.setdefault(tag, []).extend(zip(column.steps, column.values, strict=True))
            if rows.seconds is not None:
                times += zip(rows.seconds.steps, rows.seconds.values, strict=True)
        if reading.at_end:
            return columns, sorted(set(times)), notes


def irregular(dice: random.Random) -> list[bytes]:
    """Scalars of steps of all sizes, validated now and then, one of them written twice a step."""
    records = [w.version(START)]
    for first in STEPS:
        for step in range(first, first + dice.randint(20, 60)):
            wall = START + step % 1000 + dice.random()
            records += [w.scalar(wall, step, tag, dice.random()) for tag in ("loss", "lr", "lr", "a/b")]
            if dice.random() < 0.05:
                records.append(w.scalar(wall, step, "val/loss", dice.random()))
            if dice.random() < 0.02:
                records.append(w.histogram(wall, step, "weights"))
    return records


def tensors(dice: random.Random) -> list[bytes]:
    """Scalars as tensors, of every kind, some with their plugin in each record."""
    records: list[bytes] = []
    for first in (1, 100, 20_000):
        for step in range(first, first + 60):
            wall = START + step % 1000
            records += [
                w.tensor_scalar(wall, step, "loss", dice.random(), first=True),
                w.tensor_scalar(wall, step, "lr", dice.random()),
                w.scalar(wall, step, "old", dice.random()),
            ]
            if dice.random() < 0.05:
                records.append(w.tensor_scalar(wall, step, "double", dice.random(), first=True, kind=2))
                records.append(w.tensor_scalar(wall, step, "count", step, first=True, kind=3))
    return records


@pytest.mark.parametrize("written", [irregular, tensors])
@pytest.mark.parametrize("seed", range(4))
def test_blocks_hold_the_same_numbers_as_records_read_one_by_one(
    written: Callable[[random.Random], list[bytes]], seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(b"".join(written(random.Random(seed))))
    used: list[int] = []

    def noted(piece: bytes, at: int, *rest: object) -> tuple[int, int]:
        end, width = read_blocks(piece, at, *rest)  # type: ignore[arg-type]
        used.append(end - at)
        return end, width

    monkeypatch.setattr(event_files, "PIECE", 30_000)
    monkeypatch.setattr(event_files, "read_blocks", noted)
    got = values(path)
    assert sum(used) > path.stat().st_size // 2
    monkeypatch.setattr(event_files, "read_blocks", lambda piece, at, *rest: (at, 0))
    assert values(path) == got


def test_a_changed_value_among_many_is_named_and_left_out(tmp_path: Path) -> None:
    records = [w.scalar(START + step, step, tag, 0.5) for step in range(1, 200) for tag in ("loss", "lr")]
    whole = bytearray(b"".join(records))
    broken = sum(map(len, records[:301]))
    whole[broken + len(records[301]) - 7] ^= 0x10  # within the value of lr at step 151
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(whole)
    columns, _, notes = values(path)
    assert [step for step, _ in columns["lr"]] == [step for step in range(1, 200) if step != 151]
    assert [step for step, _ in columns["loss"]] == list(range(1, 200))
    assert any(f"damaged at byte {broken:,}" in note for note in notes)


def test_tags_that_are_not_wanted_are_passed_over() -> None:
    piece = b"".join(w.scalar(START, step, tag, float(step)) for step in range(1, 40) for tag in ("a", "b"))
    first = len(w.scalar(START, 1, "a", 1.0))
    header, middle = piece[:12], piece[12 + 11 : first - 8]
    tags = {middle: "a", middle.replace(b"a", b"b"): "b"}
    rows = Rows()
    end, width = read_blocks(piece, 0, rows, {header: first - 16}, tags, {"a"})
    assert (end, width) == (len(piece), 2 * first)
    assert {tag: list(column.values) for tag, column in rows.columns.items()} == {"a": [float(s) for s in range(1, 40)]}
