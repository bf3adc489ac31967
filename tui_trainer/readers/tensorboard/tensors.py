"""The value of a tensor with one number, as event files hold it."""

from __future__ import annotations

from struct import unpack_from

from tui_trainer.readers.tensorboard.wire import BYTES, BadWire, fields, float32, float64, signed, varint

FLOAT, DOUBLE, INT32, INT64, BFLOAT16, HALF = 1, 2, 3, 9, 14, 19
"""Numbers of the kinds of a tensor's values."""
CONTENT: dict[int, tuple[int, str]] = {
    FLOAT: (4, "<f"),
    DOUBLE: (8, "<d"),
    INT32: (4, "<i"),
    INT64: (8, "<q"),
    HALF: (2, "<e"),
}
"""Bytes and layout of one value of each kind."""


def scalar(data: bytes) -> float | None:
    """Return the number of a tensor that holds one, None for any other. Raises `BadWire`."""
    kind, content, value = 0, b"", None
    for number, how, item in fields(data):
        if number == 1 and isinstance(item, int):
            kind = item
        elif number == 2 and isinstance(item, bytes):
            if _size(item) != 1:
                return None
        elif number == 4 and isinstance(item, bytes):
            content = item
        elif number in (5, 6, 7, 10, 13):
            value = _single(number, how, item)
            if value is None:
                return None
    if content:
        if kind == BFLOAT16 and len(content) == 2:
            return float32(b"\0\0" + content)
        width, layout = CONTENT.get(kind, (0, ""))
        return float(unpack_from(layout, content)[0]) if width == len(content) else None
    if value is not None and kind in (HALF, BFLOAT16):
        bits = int(value) & 0xFFFF
        return (
            unpack_from("<e", bits.to_bytes(2, "little"))[0]
            if kind == HALF
            else float32(b"\0\0" + bits.to_bytes(2, "little"))
        )
    return value


def _size(shape: bytes) -> int:
    size = 1
    for number, _, item in fields(shape):
        if number == 2 and isinstance(item, bytes):
            for inner, _, length in fields(item):
                if inner == 1 and isinstance(length, int):
                    size *= length
    return size


def _single(number: int, how: int, item: int | bytes) -> float | None:
    """Return the one value of a repeated field, which is packed or not; None where there are more."""
    if isinstance(item, int):
        return float(signed(item))
    if number == 5:
        return float32(item) if len(item) == 4 else None
    if number == 6:
        return float64(item) if len(item) == 8 else None
    if how != BYTES or not item:
        return None
    value, end = varint(item, 0)
    if end != len(item):
        raise BadWire
    return float(signed(value))
