"""Write TensorBoard event files from the published format: record framing, `Event`, `Summary` and `TensorProto`.

The fixtures in tests/fixtures/logs/tensorboard come from here (`python -m tests.readers.event_writer`), because the
library that defines the format is no dependency of the tests. The messages are those of tensorflow's event.proto,
summary.proto and tensor.proto; `torch.utils.tensorboard` writes `scalar`, `tf.summary` writes `tensor_scalar`.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + masked(head) + data + masked(data)


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, content: bytes | int | float) -> bytes:
    if isinstance(content, bytes):
        return varint(number << 3 | 2) + varint(len(content)) + content
    if isinstance(content, float):
        return varint(number << 3 | 1) + struct.pack("<d", content)
    return varint(number << 3) + varint(content)


def single(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


def event(wall: float, step: int, summary: bytes = b"", version: str = "") -> bytes:
    body = field(1, wall) + (field(2, step) if step else b"")
    if version:
        body += field(3, version.encode())
    return body + (field(5, summary) if summary else b"")


def scalar(wall: float, step: int, tag: str, value: float) -> bytes:
    return record(event(wall, step, field(1, field(1, tag.encode()) + single(2, value))))


def plugin(name: str, content: bytes = b"") -> bytes:
    return field(9, field(1, field(1, name.encode()) + (field(2, content) if content else b"")))


def tensor_scalar(wall: float, step: int, tag: str, value: float, *, first: bool = False, kind: int = 1) -> bytes:
    layout = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}[kind]
    number = int(value) if kind in (3, 9) else value
    tensor = field(1, kind) + field(2, b"") + field(4, struct.pack(layout, number))
    metadata = plugin("scalars") if first else b""
    return record(event(wall, step, field(1, field(1, tag.encode()) + field(8, tensor) + metadata)))


def histogram(wall: float, step: int, tag: str) -> bytes:
    return record(event(wall, step, field(1, field(1, tag.encode()) + field(5, field(1, 0.5) + field(2, 1.5)))))


def hyperparameters(wall: float, values: dict[str, float | str]) -> bytes:
    entries = b""
    for name, value in values.items():
        content = field(3, value.encode()) if isinstance(value, str) else field(2, float(value))
        entries += field(1, field(1, name.encode()) + field(2, content))
    content = field(1, 0) + field(3, entries)
    return record(event(wall, 0, field(1, field(1, b"_hparams_/session_start_info") + plugin("hparams", content))))


def version(wall: float) -> bytes:
    return record(event(wall, 0, version="brain.Event:2"))


def sample() -> bytes:
    """A small training: two curves a step, a validation each 20 steps, and what a viewer of curves passes over."""
    start = 1_700_000_000.0
    parts = [version(start), hyperparameters(start, {"lr": 0.01, "optimizer": "adam"})]
    for step in range(1, 61):
        wall = start + step / 2
        parts.append(scalar(wall, step, "train/loss", 2 * math.exp(-step / 20) if step != 31 else math.nan))
        parts.append(scalar(wall, step, "lr", 0.01))
        if step % 20 == 0:
            parts.append(tensor_scalar(wall, step, "eval/loss", 2 * math.exp(-step / 20) + 0.125, first=step == 20))
            parts.append(histogram(wall, step, "weights"))
    return b"".join(parts)


if __name__ == "__main__":
    folder = Path(__file__).parents[1] / "fixtures" / "logs" / "tensorboard"
    (folder / "events.out.tfevents.1700000000.host.1.0").write_bytes(sample())
