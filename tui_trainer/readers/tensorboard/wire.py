"""The wire format of protocol buffers, as far as event files need it: fields with numbers, without a schema."""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class BadWire(Exception):
    """Bytes are no message."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at an offset, and the offset behind it. Raises `BadWire`."""
    value = shift = 0
    try:
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
            if shift > 63:
                raise BadWire
    except IndexError:
        raise BadWire from None


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield number, kind and content of each field: a whole number, or bytes. Raises `BadWire`."""
    at, size = 0, len(data)
    while at < size:
        key, at = varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value, at = varint(data, at)
            yield key >> 3, kind, value
            continue
        if kind == BYTES:
            length, at = varint(data, at)
        elif kind == FIXED64:
            length = 8
        elif kind == FIXED32:
            length = 4
        else:
            raise BadWire
        if at + length > size:
            raise BadWire
        yield key >> 3, kind, data[at : at + length]
        at += length


def signed(value: int) -> int:
    """Return a whole number of 64 bits with its sign."""
    return value - (1 << 64) if value >= 1 << 63 else value


def float32(data: bytes) -> float:
    """Return the number in four bytes."""
    return unpack_from("<f", data)[0]


def float64(data: bytes) -> float:
    """Return the number in eight bytes."""
    return unpack_from("<d", data)[0]
