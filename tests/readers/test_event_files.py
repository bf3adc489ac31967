"""TensorBoard event files, written by `event_writer`."""

from __future__ import annotations

import math
import os
import struct
from array import array
from pathlib import Path

import pytest

from tests.readers import event_writer as w
from tui_trainer.readers.find_logs import find_logs
from tui_trainer.readers.reading import LogColumn, Position
from tui_trainer.readers.tensorboard import event_files
from tui_trainer.readers.tensorboard.records import crc32c, cut_records, masked
from tui_trainer.readers.tensorboard.tensors import scalar
from tui_trainer.session.logs.log_session import LogSession
from tui_trainer.state.run_state import RunState

START = 1_700_000_000.0
OLD = 1_600_000_000


def opened(folder: Path) -> RunState:
    for path in folder.rglob("*tfevents*"):
        os.utime(path, (OLD, OLD))
    [log] = find_logs(folder, {}).logs
    session = LogSession(log, {})
    session.read_all()
    return session.states[0]


def points(state: RunState, name: str) -> list[tuple[int, float]]:
    return list(zip(state.series[name].steps, state.series[name].values, strict=True))


def float32(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


def test_the_checksum_is_the_published_one() -> None:
    assert crc32c(b"123456789") == 0xE3069283 == w.crc32c(b"123456789")
    assert struct.pack("<I", masked(crc32c(b"abc"))) == w.masked(b"abc")


def test_values_and_hyperparameters_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1").write_bytes(w.sample())
    state = opened(tmp_path)
    assert points(state, "val_loss")[0] == (20, float32(2 * math.exp(-1) + 0.125))
    assert [step for step, _ in points(state, "train_loss")] == [step for step in range(1, 61) if step != 31]
    assert state.series["train_loss"].gaps == [(31, "nan")]
    assert state.started is not None
    assert state.started.config == {"lr": 0.01, "optimizer": "adam"}
    assert points(state, "seconds")[:3] == [(1, 0.0), (2, 0.5), (3, 1.0)]


@pytest.mark.parametrize(("kind", "value"), [(1, 0.5), (2, 0.1), (3, 7.0), (9, -3.0)])
def test_tensor_scalars_of_every_kind(kind: int, value: float, tmp_path: Path) -> None:
    (tmp_path / "x.tfevents.1").write_bytes(w.tensor_scalar(START, 1, "a/b", value, first=True, kind=kind))
    assert points(opened(tmp_path), "a/b") == [(1, value)]


def test_tensors_with_values_in_fields_and_larger_ones() -> None:
    packed = w.field(1, 1) + w.field(5, struct.pack("<f", 1.5))
    assert scalar(packed) == 1.5
    assert scalar(w.field(1, 9) + w.field(10, w.varint((1 << 64) - 2))) == -2.0
    assert scalar(w.field(1, 1) + w.field(2, w.field(2, w.field(1, 2))) + w.field(5, bytes(8))) is None
    assert scalar(w.field(1, 19) + w.field(4, struct.pack("<e", 0.25))) == 0.25


def test_several_writers_of_a_folder_are_one_run_and_a_later_one_wins(tmp_path: Path) -> None:
    first = b"".join(w.scalar(START + s, s, "loss", float(s)) for s in range(1, 9))
    later = b"".join(w.scalar(START + 50 + s, s, "loss", 100.0 + s) for s in range(5, 11))
    other = b"".join(w.scalar(START + s, s, "val_loss", 7.0) for s in (4, 8))
    (tmp_path / "events.out.tfevents.1.a").write_bytes(w.version(START) + first)
    (tmp_path / "events.out.tfevents.2.a").write_bytes(w.version(START) + later)
    (tmp_path / "events.out.tfevents.3.b").write_bytes(w.version(START) + other)
    state = opened(tmp_path)
    assert points(state, "train_loss") == [(s, s + (0.0 if s < 5 else 100.0)) for s in range(1, 11)]
    assert points(state, "val_loss") == [(4, 7.0), (8, 7.0)]
    assert [branch.curves["train_loss"].steps for branch in state.branches] == [[4, 5, 6, 7, 8]]


def test_damage_is_named_with_its_byte_and_the_rest_opens(tmp_path: Path) -> None:
    records = [w.scalar(START, step, "loss", float(step)) for step in range(1, 11)]
    whole = bytearray(b"".join(records))
    at = sum(map(len, records[:4]))
    whole[at + 2] ^= 0xFF
    (tmp_path / "events.out.tfevents.1").write_bytes(whole)
    state = opened(tmp_path)
    assert [step for step, _ in points(state, "train_loss")] == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert any(f"damaged at byte {at:,}" in line.text for line in state.log)


def test_damaged_data_are_found_where_a_fast_checksum_is_installed() -> None:
    records = [w.scalar(START, step, "loss", float(step)) for step in range(1, 4)]
    whole = bytearray(b"".join(records))
    whole[len(records[0]) + 20] ^= 1
    cut = cut_records(bytes(whole), w.crc32c)
    assert [at for at, _ in cut.data] == [0, len(records[0]) + len(records[1])]
    assert cut.broken == [len(records[0])]
    assert len(cut_records(bytes(whole), None).data) == 3


def test_a_torn_tail_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    records = [w.scalar(START, step, "loss", float(step)) for step in (1, 2)]
    path.write_bytes(records[0] + records[1][:20])
    first = event_files.read_events(path, Position(), {})
    assert first.runs[""].columns == {"loss": LogColumn(*columns([1], [1.0]))}
    assert first.position.offset == len(records[0])
    path.write_bytes(records[0] + records[1])
    second = event_files.read_events(path, first.position, {})
    assert second.runs[""].columns == {"loss": LogColumn(*columns([2], [2.0]))}


def columns(steps: list[int], values: list[float]) -> tuple[array[int], array[float]]:
    return array("q", steps), array("d", values)


def test_a_file_without_scalars_is_left_out_of_a_tree(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1").write_bytes(w.version(START) + w.histogram(START, 1, "weights"))
    [log] = find_logs(tmp_path, {}).logs
    session = LogSession(log, {})
    for path in log.files:
        os.utime(path, (OLD, OLD))
    [message] = session.drain()
    assert getattr(message, "fatal", False)
