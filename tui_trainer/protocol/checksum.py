"""A line of a journal or of the wire, as bytes: whole, or not to be trusted. What it says is not understood here."""

from __future__ import annotations

import zlib

MAX_LINE = 64 << 20
"""Bytes of the longest line that is read: the state of a run with very many metrics."""
MAX_COMMAND = 64 << 10
"""Bytes of the longest command that a host reads."""
CRC = b',"crc":"'


class BadLine(ValueError):
    """A line that is torn, altered, or not of this protocol."""


def seal(body: bytes) -> bytes:
    """An object without its closing brace as a line, the CRC-32 of these bytes as its last field."""
    return b'%s%s%08x"}\n' % (body, CRC, zlib.crc32(body))


def verify(line: bytes) -> bool:
    """Whether a line is whole and its checksum fits."""
    body, separator, tail = line.rstrip(b"\r\n").rpartition(CRC)
    return bool(separator) and tail == b'%08x"}' % zlib.crc32(body)
