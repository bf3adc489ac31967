"""CRC framing of journal and socket lines. Does not parse the payload."""

from __future__ import annotations

import zlib

MAX_LINE = 64 << 20
"""Bytes of the longest line that is read. The longest lines are states of runs with many metrics."""
MAX_COMMAND = 64 << 10
"""Bytes of the longest request that a host reads."""
CRC = b',"crc":"'
"""Beginning of the checksum field, the last of a line."""


class BadLine(ValueError):
    """The line is torn, altered, or not of this protocol."""


def seal(body: bytes) -> bytes:
    """Close a JSON object given without its closing brace, with the CRC-32 of its bytes as the last field."""
    return b'%s%s%08x"}\n' % (body, CRC, zlib.crc32(body))


def verify(line: bytes) -> bool:
    """Return whether a line is complete and its checksum is right."""
    body, separator, tail = line.rstrip(b"\r\n").rpartition(CRC)
    return bool(separator) and tail == b'%08x"}' % zlib.crc32(body)
