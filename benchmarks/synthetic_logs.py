"""Long logs in the formats of other programs, written in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TAGS = ("train/loss", "train/accuracy", "lr", "grad_norm", "val/loss", "val/accuracy")


def curves(steps: int, metrics: int = 6, noise: float = 1.0) -> dict[str, np.ndarray]:
    """Return the values of each series at all steps."""
    x = np.arange(1, steps + 1) / steps
    random = noise * np.random.default_rng(0).random(steps)
    made = (
        2 * np.exp(-4 * x) + 0.05 * random,
        1 - np.exp(-4 * x),
        0.01 * (1 - x),
        1 + random,
        2 * np.exp(-3 * x) + 0.1,
        0.9 - 0.5 * np.exp(-3 * x),
    )
    return dict(zip(TAGS[:metrics], made, strict=False))


def write_csv(path: Path, steps: int, metrics: int = 6, noise: float = 1.0) -> None:
    """Write a table like that of a CSVLogger."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = curves(steps, metrics, noise)
    columns = [column.tolist() for column in values.values()]
    with path.open("w") as file:
        file.write(",".join(("step", "epoch", *values)) + "\n")
        for step, row in enumerate(zip(*columns, strict=True), 1):
            file.write(f"{step},{step // 1000},{','.join(map(repr, row))}\n")


def write_events(path: Path, steps: int, metrics: int = 6, noise: float = 1.0) -> None:
    """Write an event file like that of `SummaryWriter.add_scalar`, its checksums included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = curves(steps, metrics, noise)
    with path.open("wb") as file:
        file.write(_record(b"\x09" + np.float64(1.7e9).tobytes() + b"\x1a\x0dbrain.Event:2"))
        first = 1
        while first <= steps:
            size = max((first.bit_length() + 6) // 7, 1)
            last = min((1 << 7 * size) - 1, first + 49_999, steps)
            at = np.arange(first, last + 1)
            parts = [_scalars(tag, at, size, column[first - 1 : last]) for tag, column in values.items()]
            file.write(np.hstack(parts).tobytes())
            first = last + 1


def _scalars(tag: str, steps: np.ndarray, size: int, values: np.ndarray) -> np.ndarray:
    """Return the records of one tag, one in each row."""
    name = tag.encode()
    inner = b"\x0a" + bytes([len(name)]) + name + b"\x15"
    middle = b"\x2a" + bytes([len(inner) + 6]) + b"\x0a" + bytes([len(inner) + 4]) + inner
    data = np.zeros((len(steps), 10 + size + len(middle) + 4), np.uint8)
    data[:, 0] = 0x09
    data[:, 1:9] = (1.7e9 + steps / 100).astype("<f8").view(np.uint8).reshape(-1, 8)
    data[:, 9] = 0x10
    for byte in range(size):
        data[:, 10 + byte] = steps >> 7 * byte & 0x7F | (0x80 if byte < size - 1 else 0)
    data[:, 10 + size : -4] = np.frombuffer(middle, np.uint8)
    data[:, -4:] = values.astype("<f4").view(np.uint8).reshape(-1, 4)
    head = np.frombuffer(_record(bytes(data.shape[1]))[:12], np.uint8)
    checksums = _masked(_crc(data)).astype("<u4").view(np.uint8).reshape(-1, 4)
    return np.hstack([np.broadcast_to(head, (len(steps), 12)), data, checksums])


def _record(data: bytes) -> bytes:
    length = np.uint64(len(data)).tobytes()
    both = [_masked(_crc(np.frombuffer(part, np.uint8)[None])).tobytes() for part in (length, data)]
    return length + both[0] + data + both[1]


def _table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(0x82F63B78), table >> 1)
    return table


TABLE = _table()


def _crc(rows: np.ndarray) -> np.ndarray:
    """Return the CRC-32C of each row, all of them byte by byte together."""
    value = np.full(len(rows), 0xFFFFFFFF, np.uint32)
    for column in rows.T:
        value = value >> np.uint32(8) ^ TABLE[(value ^ column) & 0xFF]
    return value ^ np.uint32(0xFFFFFFFF)


def _masked(crc: np.ndarray) -> np.ndarray:
    return (crc >> np.uint32(15) | crc << np.uint32(17)) + np.uint32(0xA282EAD8)
