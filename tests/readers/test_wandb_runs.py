"""Run files of W&B."""

from __future__ import annotations

import math
import struct
import sys
from pathlib import Path
from zlib import crc32

import pytest

from tui_trainer.readers.find_logs import log_at
from tui_trainer.readers.reading import Position, Unreadable
from tui_trainer.readers.wandb_runs.frames import BLOCK, HEADER, cut_frames
from tui_trainer.readers.wandb_runs.run_file import read_run_file
from tui_trainer.session.logs.log_session import LogSession

SAMPLE = Path(__file__).parents[1] / "fixtures" / "logs" / "wandb" / "run-small.wandb"


def frame(data: bytes, at: int) -> bytes:
    """A record as LevelDB's log holds it, from an offset of the file on."""
    out, kind = b"", 0
    while True:
        left = BLOCK - (at + len(out)) % BLOCK
        if left < HEADER:
            out += bytes(left)
            continue
        part, data = data[: left - HEADER], data[left - HEADER :]
        kind = (1 if not kind else 4) if not data else (2 if not kind else 3)
        body = bytes([kind]) + part
        out += struct.pack("<IH", crc32(body), len(part)) + body
        if not data:
            return out


def framed(records: list[bytes]) -> bytes:
    out = b""
    for record in records:
        out += frame(record, HEADER + len(out))
    return out


RECORDS = [bytes([index % 251]) * size for index, size in enumerate([10, 40_000, 5, 32_750, 3, 100_000, 7])]


def test_records_of_any_length_are_cut_and_a_torn_one_is_left() -> None:
    whole = framed(RECORDS)
    assert cut_frames(whole, HEADER).data == RECORDS
    torn = cut_frames(whole[:-3], HEADER)
    assert torn.data == RECORDS[:-1]
    assert cut_frames(whole[torn.end - HEADER :], torn.end).data == RECORDS[-1:]
    assert not torn.broken


def test_damage_is_named_and_the_next_blocks_are_read() -> None:
    whole = bytearray(framed([b"x" * 100] * 2000))
    whole[5000] ^= 1
    frames = cut_frames(bytes(whole), HEADER)
    assert frames.broken == [HEADER + 5000 // 107 * 107]
    assert len(frames.data) > 1600
    assert set(frames.data) == {b"x" * 100}


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb.proto", None)
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(Unreadable, match=r"tui-trainer\[wandb\]"):
        read_run_file(SAMPLE, Position(), {})


def test_a_run_of_wandb_has_its_curves_and_its_configuration() -> None:
    pytest.importorskip("wandb.proto.wandb_internal_pb2", reason="the package wandb is not installed")
    log = log_at(SAMPLE)
    assert log is not None
    session = LogSession(log, {})
    session.read_all()
    [state] = session.states
    losses = state.series["train_loss"]
    assert list(zip(losses.steps, losses.values, strict=True)) == [
        (s, 2 * math.exp(-s / 20)) for s in range(1, 41) if s != 17
    ]
    assert list(state.series["val_loss"].steps) == [10, 20, 30, 40]
    assert state.started is not None
    assert state.started.config["lr"] == 0.01
    assert state.started.config["net/hidden"] == 32
