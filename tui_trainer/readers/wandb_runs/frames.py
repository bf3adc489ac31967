"""The framing of a run file of W&B: records in blocks of 32 KiB, as in LevelDB's log, each part with a CRC-32."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from zlib import crc32

BLOCK = 1 << 15
HEADER = 7
MAGIC = b":W&B"
_PART = Struct("<IHB")
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass(slots=True)
class CutFrames:
    """Records that were cut out of a piece of a file.

    Attributes:
        data: the records.
        end: the offset in the file behind the last one.
        broken: offsets in the file at which it is damaged.
    """

    data: list[bytes] = field(default_factory=list[bytes])
    end: int = 0
    broken: list[int] = field(default_factory=list[int])


def cut_frames(piece: bytes, offset: int) -> CutFrames:
    """Cut a piece of a file that begins with a record. One that reaches past its end is left; after damage, the
    records from the next block on are cut.

    Args:
        piece: the bytes.
        offset: their place in the file.
    """
    frames = CutFrames(end=offset)
    at, parts, begun = 0, list[bytes](), 0
    while True:
        left = BLOCK - (offset + at) % BLOCK
        if left < HEADER:  # the rest of a block is filled up
            at += left
            continue
        if at + HEADER > len(piece):
            break
        checksum, length, kind = _PART.unpack_from(piece, at)
        end = at + HEADER + length
        fits = length + HEADER <= left and WHOLE <= kind <= LAST
        if fits and end > len(piece):
            break
        sound = fits and crc32(piece[at + HEADER - 1 : end]) == checksum
        if sound and frames.broken and not parts and kind in (MIDDLE, LAST):  # of a record whose beginning is lost
            at = end
            frames.end = offset + at
            continue
        if not sound or (kind in (MIDDLE, LAST)) != bool(parts):
            if at + left > len(piece):  # it may be written just now
                break
            frames.broken.append(offset + at)
            at, parts = at + left, []
            frames.end = offset + at
            continue
        if kind in (WHOLE, FIRST):
            begun = at
        parts.append(piece[at + HEADER : end])
        at = end
        if kind in (WHOLE, LAST):
            frames.data.append(b"".join(parts))
            parts = []
            frames.end = offset + at
    if parts:
        frames.end = offset + begun
    return frames
