"""TensorBoard event files: scalars as `simple_value` and as tensors, and hyperparameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from time import time

from tui_trainer.readers.columns import has_role
from tui_trainer.readers.reading import MAX_COLUMNS, MAX_STEP, SETTLED, LogColumn, Medium, Position, Reading, Rows
from tui_trainer.readers.tensorboard.blocks import GAP, read_blocks, value_places
from tui_trainer.readers.tensorboard.hyperparameters import hyperparameters
from tui_trainer.readers.tensorboard.media import PLUGINS, of_summary, of_tensor
from tui_trainer.readers.tensorboard.records import (
    HEADER,
    MAX_RECORD,
    Records,
    cut_records,
    data_checksum,
    header_is_sound,
    masked,
    next_header,
    short_checksum,
)
from tui_trainer.readers.tensorboard.tensors import scalar
from tui_trainer.readers.tensorboard.wire import FIXED32, BadWire, fields, float32, float64, signed

PIECE = 1 << 21
"""Bytes that are cut into records at a time."""
FEW, MANY = 16, 1 << 16
"""Records that are read one by one before a sequence that repeats is looked for: at first, and where there is none."""
MAX_MEDIA, HISTOGRAMS = 64, 16
"""Names whose histograms, texts and images are kept, and histograms of one name in one piece."""
TOLD = 5
"""Most damaged places of a file that are named."""
SCALARS = ("", "scalars")
"""Plugins whose tensors are curves; the first stands for none."""
HPARAMS = "hparams"

_PROBE = b"\x17\xb7\x51\x42"
"""A number that is put in place of another."""
_PLAIN, _SINGLE, _CRC = Struct("<d"), Struct("<f"), Struct("<I")


@dataclass(slots=True)
class EventMemory:
    """The plugin of each tag, which only its first value names, and what was said so far."""

    plugins: dict[str, str] = field(default_factory=dict[str, str])
    tags: set[str] = field(default_factory=set[str])
    checksum: Callable[[bytes], int] | None = None
    passed_over: set[str] = field(default_factory=set[str])
    damaged: int = 0
    told_of_tail: bool = False
    told_of_limit: bool = False
    first: dict[bytes, str] = field(default_factory=dict[bytes, str])
    sound: dict[bytes, int] = field(default_factory=dict[bytes, int])
    """Lengths of records by the bytes of their headers, which were checked."""
    plain: dict[bytes, str] = field(default_factory=dict[bytes, str])
    """Tags by what stands between step and value of a record with one value."""
    learned: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    """Tags and lengths of records with a tensor that were looked at for what stands around the value."""
    one_by_one: int = FEW
    """Records that are read one by one before a sequence that repeats is looked for."""
    wait: int = 0
    """Those of them that are left."""


def looks_like_events(name: str, _head: bytes) -> bool:
    """Return whether a file is an event file by its name."""
    return "tfevents" in name


def is_event_file(head: bytes, _told: Mapping[str, str]) -> bool:
    """Return whether a file begins like an event file; an empty one may become one."""
    return not head or len(head) < HEADER or int.from_bytes(head[:8], "little") < MAX_RECORD


def next_record(path: Path, offset: int, most: int) -> int:
    """Return the offset of the first record behind another offset, that one where none begins nearby."""
    with open(path, "rb") as file:
        file.seek(offset)
        return offset + (next_header(file.read(most), 0) or 0)


def read_events(path: Path, position: Position, _told: Mapping[str, str]) -> Reading:
    """Read records of an event file."""
    memory: EventMemory | None = position.memory
    notes: list[str] = []
    if memory is None:
        memory = EventMemory(checksum=data_checksum())
        if memory.checksum is None:
            notes.append("google-crc32c is not installed: of long or irregular records lengths alone are checked")
    with open(path, "rb") as file:
        file.seek(position.offset)
        most = position.limit or PIECE
        piece = file.read(most)
        wanted = HEADER + int.from_bytes(piece[:8], "little") + 4 if len(piece) >= HEADER else 0
        if len(piece) == most < wanted <= MAX_RECORD:
            piece += file.read(wanted - most)
        ended = not file.read(1)
    rows = Rows()
    records = Records()
    while True:
        start, whole = _scalars(piece, records.end, rows, memory, ended)
        if whole:
            records.end = start
            break
        cut = cut_records(piece, _checksum(memory), start, most=1)
        records.broken += cut.broken
        records.end = cut.end
        for at, data in cut.data:
            try:
                _event(data, rows, memory)
            except (BadWire, UnicodeDecodeError):
                records.broken.append(at)
        if not cut.data and cut.end == start:
            break
    end = position.offset + records.end
    if not records.end and not ended:  # damage without a sound record in the whole piece
        records.broken.append(0)
        end = position.offset + len(piece) - HEADER
    rows.media = _thinned(rows.media)
    notes += _damage(records, position.offset, memory)
    rest = position.offset + len(piece) - end
    if ended and rest > 0 and not memory.told_of_tail and time() - path.stat().st_mtime > SETTLED:
        memory.told_of_tail = True
        notes.append(f"the last {rest:,} bytes, from byte {end:,} on, are no whole record")
    if memory.passed_over:
        notes.append(f"passed over: {', '.join(sorted(memory.passed_over))}")
        memory.passed_over = set()
    return Reading(Position(end, memory), {"": rows}, notes, ended)


def _thinned(media: list[Medium]) -> list[Medium]:
    """Return the newest text and image of each name, and some of its histograms, from which a picture is drawn."""
    by_name: dict[tuple[str, str], list[Medium]] = {}
    for each in media:
        by_name.setdefault((each.kind, each.name), []).append(each)
    kept: list[Medium] = []
    for (kind, _), found in list(by_name.items())[:MAX_MEDIA]:
        most = HISTOGRAMS if kind == "histogram" else 1
        kept += found[-1 :: -max(len(found) // most, 1)][:most][::-1]
    return kept


def _damage(records: Records, offset: int, memory: EventMemory) -> list[str]:
    if not records.broken:
        return []
    said = max(TOLD - memory.damaged, 0)
    memory.damaged += len(records.broken)
    notes = [f"damaged at byte {offset + at:,}; what follows is read" for at in sorted(records.broken)[:said]]
    if said and len(records.broken) > said:
        notes.append("further damage is passed over")
    return notes


# wall time, step, a summary with one simple value: nine in ten records of most files
_SIMPLE = re.compile(
    rb"\x09(.{8})(?:\x10([\x80-\xff]{0,9}[\x00-\x7f]))?\x2a([\x80-\xff]?[\x00-\x7f])\x0a([\x80-\xff]?[\x00-\x7f])"
    rb"\x0a([\x00-\x7f])(.*)\x15(.{4})",
    re.DOTALL,
)


def _scalars(piece: bytes, at: int, rows: Rows, memory: EventMemory, ended: bool) -> tuple[int, bool]:
    """Read records like those that were read before, many at once where they repeat.

    Returns the offset behind them, and whether to stop there, so that the next piece begins with a whole row.
    """
    while True:
        if memory.wait <= 0:
            end, width = read_blocks(piece, at, rows, memory.sound, memory.plain, memory.tags)
            if end > at:
                memory.one_by_one = FEW
                if len(piece) - end < width and not ended:
                    return end, True
            else:
                memory.one_by_one = min(2 * memory.one_by_one, MANY)
            memory.wait, at = FEW // 8 if end > at else memory.one_by_one, end
        at, read = _plain_records(piece, at, rows, memory, memory.wait)
        memory.wait -= read
        if memory.wait > 0:
            memory.wait -= 1  # the next one is read in full
            return at, False


def _checksum(memory: EventMemory) -> Callable[[bytes], int | None] | None:
    """Return the checksum of data. Without google-crc32c it is that of short ones, where few are read one by one."""
    return memory.checksum or (short_checksum if memory.one_by_one == FEW else None)


def _plain_records(piece: bytes, at: int, rows: Rows, memory: EventMemory, most: int) -> tuple[int, int]:
    """Read records like those that were read before: one value of a known tag.

    Between step and value, such a record has the same bytes as an earlier one of its tag, which was read in full.

    Returns:
        The offset of the first other record, and the number of those that were read.
    """
    sound, tags, columns, checksum = memory.sound, memory.plain, rows.columns, _checksum(memory)
    size, read = len(piece), 0
    while at + HEADER <= size and read < most:
        head = piece[at : at + HEADER]
        length = sound.get(head)
        if length is None:
            if not header_is_sound(piece, at) or len(sound) > 4096:
                return at, read
            length = sound[head] = int.from_bytes(head[:8], "little")
        begin, end = at + HEADER, at + HEADER + length
        if end + 4 > size or length < 20 or piece[begin] != 0x09 or piece[begin + 9] != 0x10:
            return at, read
        found = checksum(piece[begin:end]) if checksum is not None else None
        if found is not None and masked(found) != _CRC.unpack_from(piece, end)[0]:
            return at, read
        after = begin + 10
        step = shift = 0
        while True:
            byte = piece[after]
            after += 1
            step |= (byte & 0x7F) << shift
            if byte < 0x80 or shift > 56:
                break
            shift += 7
        tag = tags.get(piece[after : end - 4])
        column = columns.get(tag) if tag is not None else None
        if column is None or byte >= 0x80 or after > end - 4 or step >= MAX_STEP:
            return at, read
        column.steps.append(step)
        column.values.append(_SINGLE.unpack_from(piece, end - 4)[0])
        seconds = rows.seconds
        if seconds is not None and seconds.steps[-1] != step:
            seconds.steps.append(step)
            seconds.values.append(_PLAIN.unpack_from(piece, begin + 1)[0])
        at = end + 4
        read += 1
    return at, read


def _event(data: bytes, rows: Rows, memory: EventMemory, *, learn: bool = True) -> None:
    simple = _SIMPLE.fullmatch(data)
    if simple is not None and len(simple[6]) == simple[5][0]:
        step = 0
        for byte in reversed(simple[2] or b""):
            step = step << 7 | byte & 0x7F
        tag = memory.first.get(simple[6])
        if tag is None:
            tag = memory.first[simple[6]] = simple[6].decode("utf-8", "replace")
        _add(rows, memory, tag, step, float32(simple[7]), _PLAIN.unpack(simple[1])[0])
        if simple[2] is not None and _is_exact(simple) and len(memory.plain) < MAX_COLUMNS:
            memory.plain[data[10 + len(simple[2]) : -4]] = tag
        return
    wall, step, summaries = 0.0, 0, list[bytes]()
    for number, kind, item in fields(data):
        if number == 1 and isinstance(item, bytes) and len(item) == 8:
            wall = float64(item)
        elif number == 2 and isinstance(item, int):
            step = signed(item)
        elif number == 5 and isinstance(item, bytes) and kind == 2:
            summaries.append(item)
    values = [
        value
        for summary in summaries
        for number, _, value in fields(summary)
        if number == 1 and isinstance(value, bytes)
    ]
    found = [_value(value, step, wall, rows, memory) for value in values]
    if learn and len(found) == 1 and found[0] is not None:
        shape = found[0], len(data)
        if shape not in memory.learned and len(memory.learned) < MAX_COLUMNS:
            memory.learned.add(shape)
            _learn(data, found[0], memory)


def _learn(data: bytes, tag: str, memory: EventMemory) -> None:
    """Remember what stands around the value of a record with one tensor.

    Its place is the one where another number changes the value that is read, and nothing else.
    """
    if data[:1] != b"\x09" or data[9:10] != b"\x10":
        return
    after = 10
    while after < len(data) and data[after] >= 0x80:
        after += 1
    rest = data[after + 1 :]
    for at in value_places(rest):
        begin = after + 1 + at
        probe, seen = Rows(), EventMemory(plugins=dict(memory.plugins))
        try:
            _event(data[:begin] + _PROBE + data[begin + 4 :], probe, seen, learn=False)
        except (BadWire, UnicodeDecodeError):
            continue
        column = probe.columns.get(tag)
        if column is not None and len(probe.columns) == 1 and column.values.tolist() == [_SINGLE.unpack(_PROBE)[0]]:
            memory.plain[rest[:at] + GAP + rest[at + 4 :]] = tag
            return


def _is_exact(simple: re.Match[bytes]) -> bool:
    """Return whether the inner lengths of a record are those of its parts, in one byte each."""
    tag = len(simple[6])
    return simple[4] == bytes([tag + 7]) and simple[3] == bytes([tag + 9])


def _value(data: bytes, step: int, wall: float, rows: Rows, memory: EventMemory) -> str | None:
    """Add one value of a summary. Returns the tag of a number that a tensor holds."""
    tag, value, tensor, metadata = "", None, None, b""
    medium, other = None, ""
    for number, kind, item in fields(data):
        if not isinstance(item, bytes):
            continue
        match number:
            case 1:
                tag = item.decode("utf-8", "replace")
            case 2 if kind == FIXED32:
                value = float32(item)
            case 4 | 5:
                medium = of_summary(tag, step, number, item)
            case 6:
                other = "audio"
            case 8:
                tensor = item
            case 9:
                metadata = item
            case _:
                pass
    plugin = _plugin(metadata, tag, rows, memory) if metadata else memory.plugins.get(tag, "")
    if value is None and tensor is not None:
        if plugin in SCALARS:
            value = scalar(tensor)
        else:
            medium = of_tensor(tag, step, plugin, tensor)
            other = other or ("" if plugin in (*PLUGINS, HPARAMS) else plugin)
    if value is not None:
        _add(rows, memory, tag, step, value, wall)
        return tag if tensor is not None and tag in memory.tags else None
    if medium is not None and 0 <= step < MAX_STEP:
        rows.media.append(medium)
    elif other:
        memory.plugins.setdefault(tag, other)
        if f" {other}" not in memory.tags:
            memory.tags.add(f" {other}")
            memory.passed_over.add(other)
    return None


def _add(rows: Rows, memory: EventMemory, tag: str, step: int, value: float, wall: float) -> None:
    if not 0 <= step < MAX_STEP:
        return
    column = rows.columns.get(tag)
    if column is None:
        if tag not in memory.tags:
            if len(memory.tags) >= MAX_COLUMNS and not has_role(tag):
                if not memory.told_of_limit:
                    memory.told_of_limit = True
                    memory.passed_over.add(f"tags beyond the first {MAX_COLUMNS:,}")
                return
            memory.tags.add(tag)
        column = rows.columns[tag] = LogColumn()
    column.steps.append(step)
    column.values.append(value)
    seconds = rows.seconds
    if seconds is None:
        seconds = rows.seconds = LogColumn()
    if not len(seconds.steps) or seconds.steps[-1] != step:
        seconds.append(step, wall)


def _plugin(metadata: bytes, tag: str, rows: Rows, memory: EventMemory) -> str:
    """Return the plugin that the metadata of a value name, and remember it; read hyperparameters."""
    name, content = "", b""
    for number, _, item in fields(metadata):
        if number == 1 and isinstance(item, bytes):
            for inner, _, text in fields(item):
                if inner == 1 and isinstance(text, bytes):
                    name = text.decode("utf-8", "replace")
                elif inner == 2 and isinstance(text, bytes):
                    content = text
    if name:
        memory.plugins[tag] = name
    if name == HPARAMS:
        rows.settings.update(hyperparameters(content))
    return name or memory.plugins.get(tag, "")
