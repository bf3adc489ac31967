"""The records of TensorBoard event files: length, checksum of the length, data, checksum of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct

HEADER, FOOTER = 12, 4
MAX_RECORD = 1 << 28
"""Bytes of the longest record that is believed."""

_HEAD = Struct("<QI")
_FOOT = Struct("<I")


def crc_table() -> tuple[int, ...]:
    """Return the change of a CRC-32C by each value of its last byte."""
    table: list[int] = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = crc_table()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of a few bytes."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """Return a checksum as the format stores it."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def data_checksum() -> Callable[[bytes], int] | None:
    """Return the checksum of google-crc32c, None where it is not installed: in Python it would take seconds a file."""
    try:
        from google_crc32c import value  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    return value


SHORT = 256
"""Bytes of the longest data whose checksum is computed without google-crc32c."""


def short_checksum(data: bytes) -> int | None:
    """Return the checksum of short data, None for longer ones."""
    return crc32c(data) if len(data) <= SHORT else None


@dataclass(slots=True)
class Records:
    """Records that were cut out of a piece of a file.

    Attributes:
        data: the data of each, with its offset within the piece.
        end: the offset behind the last one.
        broken: offsets at which the piece is damaged.
    """

    data: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    end: int = 0
    broken: list[int] = field(default_factory=list[int])


_known: dict[bytes, int] = {}
"""Checksums by the bytes of a length: a file has few different ones."""


def header_is_sound(piece: bytes, at: int) -> bool:
    """Return whether a length with its checksum stands at an offset."""
    length, stored = _HEAD.unpack_from(piece, at)
    if length > MAX_RECORD:
        return False
    key = piece[at : at + 8]
    known = _known.get(key)
    if known is None:
        if len(_known) > 4096:
            _known.clear()
        known = _known[key] = masked(crc32c(key))
    return known == stored


def cut_records(
    piece: bytes, checksum: Callable[[bytes], int | None] | None, start: int = 0, most: int | None = None
) -> Records:
    """Cut a piece of a file, with a record at `start`, into records. One that reaches past its end is left.

    After damage the next place that begins like a record is looked for; damage at the end may be a record that is
    still being written, and is left as well. With `most`, no more records than that are cut.
    """
    records = Records()
    at, size = start, len(piece)
    while at + HEADER <= size and (most is None or len(records.data) < most):
        if not header_is_sound(piece, at):
            following = next_header(piece, at + 1)
            if following is None:
                break
            records.broken.append(at)
            at = following
            continue
        end = at + HEADER + _HEAD.unpack_from(piece, at)[0]
        if end + FOOTER > size:
            break
        data = piece[at + HEADER : end]
        found = checksum(data) if checksum is not None else None
        if found is not None and masked(found) != _FOOT.unpack_from(piece, end)[0]:
            records.broken.append(at)
        else:
            records.data.append((at, data))
        at = end + FOOTER
    records.end = at
    return records


def next_header(piece: bytes, at: int) -> int | None:
    """Return the next offset at which a sound header stands; the upper half of its length is zero."""
    while True:
        zeros = piece.find(b"\0\0\0\0", at + 4)
        if zeros < 0 or zeros + 8 > len(piece):
            return None
        begin = zeros - 4
        if header_is_sound(piece, begin):
            return begin
        at = begin + 1
