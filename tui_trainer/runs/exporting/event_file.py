"""TensorBoard event files: records with masked checksums, scalars with steps and times, texts, hyperparameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from struct import Struct
from typing import Any, BinaryIO

from tui_trainer.readers.tensorboard.records import crc32c, data_checksum, masked
from tui_trainer.runs.exporting.exported_run import Done, ExportedRun

_LENGTH, _CRC = Struct("<Q"), Struct("<I")
_DOUBLE, _FLOAT = Struct("<d"), Struct("<f")
_STRING = 7
"""Number of the type of tensors that hold text."""
_START = 1
"""Number of the message that a session starts, on which TensorBoard drops later steps of an earlier one."""
DONE_TAG = "interventions"
"""Tag under which the text plugin shows what was done to a run."""
LARGEST = 3.4028234663852886e38
"""The largest number of the 32 bits in which the format stores a scalar; a larger one is written as infinity."""


def file_name(started: float) -> str:
    """Return the name of the event file of a run that started at a time in seconds since 1970."""
    return f"events.out.tfevents.{int(started):010d}.tui-trainer"


class EventWriter:
    """Writes records to a file. The first says the version of the format.

    Args:
        file: written without a buffer of its own; `flush` is up to the caller.
        wall_time: seconds since 1970 of the first record.
    """

    def __init__(self, file: BinaryIO, wall_time: float) -> None:
        self._file = file
        self._checksum = data_checksum() or crc32c
        self._heads: dict[int, bytes] = {}
        self._tags: dict[str, bytes] = {}
        self._record(_head(wall_time, 0) + _bytes(3, b"brain.Event:2"))

    def scalars(self, wall_time: float, step: int, values: Iterable[tuple[str, float]]) -> None:
        """Write values of one step, by tag."""
        summary = b"".join([self._value(tag, value) for tag, value in values])
        if summary:
            self._record(_head(wall_time, step) + _bytes(5, summary))

    def text(self, wall_time: float, step: int, tag: str, text: str) -> None:
        """Write a text of one step, which TensorBoard shows as Markdown."""
        shape = _bytes(2, _whole(1, 1))
        tensor = _whole(1, _STRING) + _bytes(2, shape) + _bytes(8, text.encode("utf-8", "replace"))
        value = _tag(tag) + _bytes(9, _bytes(1, _bytes(1, b"text"))) + _bytes(8, tensor)
        self._record(_head(wall_time, step) + _bytes(5, _bytes(1, value)))

    def goes_back(self, wall_time: float, step: int) -> None:
        """Write that what follows, from this step on, replaces what was written of these steps before."""
        self._record(_head(wall_time, step) + _bytes(7, _whole(1, _START)))

    def done(self, wall_time: float, done: Done) -> None:
        """Write an intervention."""
        self.text(wall_time, done.step, DONE_TAG, as_markdown(done.text))

    def settings(self, wall_time: float, settings: Mapping[str, Any]) -> None:
        """Write the configuration as hyperparameters."""
        entries = b"".join(
            _bytes(1, _bytes(1, _text(key)) + _bytes(2, _json(value))) for key, value in settings.items()
        )
        content = _whole(1, 0) + _bytes(3, entries)
        plugin = _bytes(9, _bytes(1, _bytes(1, b"hparams") + _bytes(2, content)))
        value = _tag("_hparams_/session_start_info") + plugin
        self._record(_head(wall_time, 0) + _bytes(5, _bytes(1, value)))

    def _value(self, tag: str, value: float) -> bytes:
        head = self._tags.get(tag)
        if head is None:
            head = self._tags[tag] = _tag(tag) + b"\x15"
        if abs(value) > LARGEST:
            value = float("inf") if value > 0 else float("-inf")
        return _bytes(1, head + _FLOAT.pack(value))

    def _record(self, data: bytes) -> None:
        head = self._heads.get(len(data))
        if head is None:
            length = _LENGTH.pack(len(data))
            head = self._heads[len(data)] = length + _CRC.pack(masked(crc32c(length)))
        self._file.write(head + data + _CRC.pack(masked(self._checksum(data))))


def write_events(run: ExportedRun, file: BinaryIO) -> int:
    """Write one run: settings, scalars in the order of their steps, what was done. Returns the number of steps."""
    start = run.started_at
    writer = EventWriter(file, start)
    if run.settings:
        writer.settings(start, run.settings)
    names = list(run.curves)
    waiting = sorted(run.done, key=lambda done: done.step)
    wall_time, count = start, 0
    for step, seconds, values in run.rows():
        while waiting and waiting[0].step < step:
            writer.done(wall_time, waiting.pop(0))
        wall_time = start + seconds if seconds is not None else wall_time
        measured = [(name, value) for name, value in zip(names, values, strict=True) if value is not None]
        writer.scalars(wall_time, step, measured)
        count += 1
    for done in waiting:
        writer.done(wall_time, done)
    return count


def _head(wall_time: float, step: int) -> bytes:
    return b"\x09" + _DOUBLE.pack(wall_time) + (_whole(2, step) if step else b"")


def _tag(tag: str) -> bytes:
    return _bytes(1, _text(tag))


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def as_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-!|" else sign for sign in text)


def _json(value: Any) -> bytes:
    """Return a setting as the format keeps one: a truth value, a number or a text."""
    if isinstance(value, bool):
        return _whole(4, int(value))
    if isinstance(value, (int, float)) and abs(value) < 1e300:
        return b"\x11" + _DOUBLE.pack(value)
    return _bytes(3, _text(str(value)))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(number: int, content: bytes) -> bytes:
    size = len(content)
    return (
        bytes((number << 3 | 2, size)) + content if size < 0x80 else _varint(number << 3 | 2) + _varint(size) + content
    )


def _whole(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)
