"""Decode many records of an event file at once: where the same scalars follow each other, only a few bytes differ.

Most files repeat a short sequence of records, the scalars of one step. Such a sequence is a row of bytes of which only
wall time, step, value and checksum change. Rows are compared with the first one column by column, so a million records
become a few operations on arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_trainer.readers.reading import LogColumn, Rows
from tui_trainer.readers.tensorboard.records import FOOTER, HEADER, crc32c, crc_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FEWEST = 16
"""Rows that are worth the effort."""
FIRST_ROWS = 32
"""Rows that are compared at first; each further time it is four times as many."""
MAX_SEQUENCE = 4096
"""Records of the longest sequence that is looked for."""
LONGEST_STEP = 8
"""Bytes of a step up to which it needs no check of its size."""
WALL = 8
VALUE = 4
MARKS = (b"\x22\x04", b"\x2a\x04", b"\x2d")
"""Beginnings of the fields of a tensor that hold one number of four bytes."""
GAP = b"\0value\0"
"""Stands for the value in what is known of a record."""


@dataclass(slots=True)
class _Part:
    """One record of a sequence: its tag, and where its bytes lie in a row.

    Attributes:
        tag: the tag.
        begin, end: the offsets of the record.
        step_bytes: the bytes of its step.
        tail: the bytes between its value and its checksum.
    """

    tag: str
    begin: int
    end: int
    step_bytes: int
    tail: int

    @property
    def wall(self) -> slice:
        return slice(self.begin + HEADER + 1, self.begin + HEADER + 1 + WALL)

    @property
    def step(self) -> range:
        at = self.begin + HEADER + WALL + 2
        return range(at, at + self.step_bytes)

    @property
    def value(self) -> slice:
        at = self.end - FOOTER - self.tail
        return slice(at - VALUE, at)

    @property
    def checksum(self) -> slice:
        return slice(self.end - FOOTER, self.end)


def read_blocks(
    piece: bytes, at: int, rows: Rows, lengths: Mapping[bytes, int], tags: Mapping[bytes, str], wanted: set[str]
) -> tuple[int, int]:
    """Read a sequence of scalars that repeats from an offset on.

    Returns the offset behind the last whole row, and the number of bytes of a row; 0 where nothing repeats.

    The checksums of the data are compared; a row in which one is wrong is not read.

    Args:
        piece: bytes of the file.
        at: the offset of a record.
        rows: where the values are added.
        lengths: lengths of records by the bytes of their headers, which were checked.
        tags: tags by what stands between step and value of a record; by what stands around the value, with `GAP`.
        wanted: tags whose values are kept.
    """
    parts = _sequence(piece, at, lengths, tags)
    if not parts:
        return at, 0
    width = parts[-1].end
    most = (len(piece) - at) // width
    if most < FEWEST:
        return at, 0
    import numpy as np

    table = np.frombuffer(piece, np.uint8, most * width, at).reshape(most, width)
    first, fixed = table[0], _fixed_bits(parts, width)
    constants = [_constant(first, part) for part in parts]
    done, count = 0, FIRST_ROWS
    while done < most:
        block = table[done : done + count]
        good = _good_rows(block, first, fixed)
        good = min(good, _intact_rows(block[:good], parts, constants))
        if good:
            _add(block[:good], parts, rows, wanted)
        done += good
        if good < len(block):
            break
        count *= 4
    return at + done * width, width


def _sequence(piece: bytes, at: int, lengths: Mapping[bytes, int], tags: Mapping[bytes, str]) -> list[_Part]:
    """Return the records up to the one that repeats the tag of the first; empty where none does."""
    parts: list[_Part] = []
    begin, size = at, len(piece)
    while begin + HEADER <= size and len(parts) < MAX_SEQUENCE:
        length = lengths.get(piece[begin : begin + HEADER], 0)
        data = begin + HEADER
        end = data + length + FOOTER
        if length < 20 or end > size or piece[data] != 0x09 or piece[data + 9] != 0x10:
            return []
        after = data + 10
        while piece[after] >= 0x80 and after < data + 10 + LONGEST_STEP:
            after += 1
        found = _tag(piece[after + 1 : end - FOOTER], tags)
        if found is None or after - data - 9 > LONGEST_STEP:
            return []
        tag, tail = found
        if parts and tag == parts[0].tag:
            return parts
        parts.append(_Part(tag, begin - at, end - at, after - data - 9, tail))
        begin = end
    return []


def _tag(rest: bytes, tags: Mapping[bytes, str]) -> tuple[str, int] | None:
    """Return the tag that the rest of a record behind its step names, and the bytes behind its value."""
    tag = tags.get(rest[:-VALUE])
    if tag is not None:
        return tag, 0
    for at in value_places(rest):
        tag = tags.get(rest[:at] + GAP + rest[at + VALUE :])
        if tag is not None:
            return tag, len(rest) - at - VALUE
    return None


def value_places(rest: bytes) -> list[int]:
    """Return where the value of a tensor may stand: behind a field of four bytes."""
    places: list[int] = []
    for mark in MARKS:
        at = rest.find(mark)
        while at >= 0 and at + len(mark) + VALUE <= len(rest):
            places.append(at + len(mark))
            at = rest.find(mark, at + 1)
    return places


def _fixed_bits(parts: Sequence[_Part], width: int) -> Any:
    """Return a mask of the bits that are the same in each row."""
    import numpy as np

    fixed = np.full(width, 0xFF, np.uint8)
    for part in parts:
        for free in (part.wall, part.value, part.checksum):
            fixed[free] = 0
        fixed[part.step.start : part.step.stop] = 0x80  # whether a further byte follows
    return fixed


def _good_rows(block: Any, first: Any, fixed: Any) -> int:
    """Return the number of leading rows that equal the first one where they must."""
    differences = (block ^ first) & fixed
    if not differences.any():
        return len(block)
    different = differences.any(axis=1)
    at = int(different.argmax())
    return at if different[at] else len(block)


def _add(block: Any, parts: Sequence[_Part], rows: Rows, wanted: set[str]) -> None:
    import numpy as np

    steps = [_steps(block, part) for part in parts]
    shared = all(np.array_equal(steps[0], other) for other in steps[1:])
    by_tag: dict[str, list[int]] = {}
    for index, part in enumerate(parts):
        if part.tag in wanted:
            by_tag.setdefault(part.tag, []).append(index)
    for tag, indices in by_tag.items():
        column = rows.columns.get(tag)
        if column is None:
            column = rows.columns[tag] = LogColumn()
        values = [np.ascontiguousarray(block[:, parts[index].value]).view("<f4") for index in indices]
        column.values.frombytes(np.hstack(values).astype(np.float64).tobytes())
        column.steps.frombytes(np.stack([steps[index] for index in indices], axis=1).tobytes())
    if by_tag:
        times = parts[:1] if shared else parts
        walls = np.hstack([np.ascontiguousarray(block[:, part.wall]).view("<f8") for part in times])
        _add_seconds(rows, np.stack(steps[: len(times)], axis=1).ravel(), walls.ravel())


def _add_seconds(rows: Rows, steps: Any, walls: Any) -> None:
    """Add the time of each step that differs from the one before."""
    import numpy as np

    seconds = rows.seconds
    if seconds is None:
        seconds = rows.seconds = LogColumn()
    last = seconds.steps[-1] if len(seconds.steps) else -1
    new = np.diff(steps, prepend=last) != 0
    seconds.steps.frombytes(steps[new].tobytes())
    seconds.values.frombytes(walls[new].astype(np.float64).tobytes())


def _steps(block: Any, part: _Part) -> Any:
    import numpy as np

    steps = np.zeros(len(block), np.int64)
    for shift, column in enumerate(part.step):
        steps |= (block[:, column] & 0x7F).astype(np.int64) << 7 * shift
    return steps


# A checksum is linear: that of a record is the one of its fixed bytes, changed by each free byte on its own.

_behind: dict[int, Any] = {}
"""The change that each value of a byte makes, by the number of bytes that follow it."""


def _changes(following: int) -> Any:
    import numpy as np

    known = _behind.get(following)
    if known is None:
        table = np.array(crc_table(), np.uint32)
        known = table
        for _ in range(following):
            known = table[known & 0xFF] ^ known >> np.uint32(8)
        _behind[following] = known
    return known


def _free(part: _Part) -> list[int]:
    return [*range(part.wall.start, part.wall.stop), *part.step, *range(part.value.start, part.value.stop)]


def _constant(first: Any, part: _Part) -> int:
    """Return the checksum of a record whose free bytes are zero."""
    data = bytearray(first[part.begin + HEADER : part.end - FOOTER].tobytes())
    for at in _free(part):
        data[at - part.begin - HEADER] = 0
    return crc32c(bytes(data))


def _intact_rows(block: Any, parts: Sequence[_Part], constants: Sequence[int]) -> int:
    """Return the number of leading rows in which all checksums fit."""
    import numpy as np

    count = len(block)
    for part, constant in zip(parts, constants, strict=True):
        found = np.full(len(block), constant, np.uint32)
        for at in _free(part):
            found ^= _changes(part.end - FOOTER - 1 - at).take(block[:, at])  # faster than an index
        found = (found >> np.uint32(15) | found << np.uint32(17)) + np.uint32(0xA282EAD8)
        stored = np.ascontiguousarray(block[:, part.checksum]).view("<u4").ravel()
        wrong = found != stored
        if wrong.any():
            count = min(count, int(wrong.argmax()))
    return count
