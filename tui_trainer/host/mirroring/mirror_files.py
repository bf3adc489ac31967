"""The files of a mirror. Each is written at its end, and cut back where a write fails half-way."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from time import time
from typing import Protocol

from tui_trainer.host.mirroring.live_rows import MeasuredRow
from tui_trainer.runs.atomic_write import write_all
from tui_trainer.runs.exporting.csv_table import DONE
from tui_trainer.runs.exporting.event_file import DONE_TAG, EventWriter, as_markdown, file_name

CSV_NAME, JSON_NAME = "metrics.csv", "metrics.jsonl"
KINDS = ("tensorboard", "csv", "jsonl")
_FIRST = ("step", "epoch", "seconds")


class MirrorFile(Protocol):
    """A file that rows are added to."""

    def write(self, rows: Sequence[MeasuredRow]) -> None:
        """Add rows. Raises `OSError`; then none of them is in the file."""
        ...


class _AppendedFile:
    """A file that only this process writes; a part of a write that failed is removed before the next."""

    def __init__(self, path: Path, *, lines: bool) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._size = os.fstat(self._descriptor).st_size
        if lines and self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            write_all(self._descriptor, b"\n")  # the end of a line that its writer did not finish
            self._size += 1

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._size

    def append(self, data: bytes) -> None:
        """Add bytes, all of them or none. Raises `OSError`."""
        if os.fstat(self._descriptor).st_size != self._size:
            os.ftruncate(self._descriptor, self._size)
        try:
            write_all(self._descriptor, data)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class JsonLinesMirror:
    """One JSON object a row."""

    def __init__(self, folder: Path) -> None:
        self._file = _AppendedFile(folder / JSON_NAME, lines=True)

    def write(self, rows: Sequence[MeasuredRow]) -> None:
        """Add rows. Raises `OSError`."""
        lines: list[str] = []
        for row in rows:
            record: dict[str, object] = {"step": row.step, "epoch": row.epoch}
            if row.seconds is not None:
                record["seconds"] = row.seconds
            record.update((name, value if isfinite(value) else None) for name, value in row.values.items())
            if row.done:
                record[DONE] = " | ".join(row.done)
            lines.append(json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n")
        self._file.append("".join(lines).encode("utf-8", "backslashreplace"))


class CsvMirror:
    """A table. A metric that comes later gets a column at the end: the file is then written again, and replaced."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CSV_NAME
        self._file = _AppendedFile(self._path, lines=True)
        self._columns = self._read_columns()

    def _read_columns(self) -> list[str]:
        if not self._file.size:
            return []
        with open(self._path, encoding="utf-8", newline="") as file:
            return next(csv.reader(file), [])

    def write(self, rows: Sequence[MeasuredRow]) -> None:
        """Add rows. Raises `OSError`."""
        names = dict.fromkeys([*_FIRST, *self._columns])
        for row in rows:
            names.update(dict.fromkeys(row.values))
            if row.done:
                names[DONE] = None
        columns = list(names)
        if columns != self._columns:
            self._widen(columns)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for row in rows:
            cells: dict[str, object] = {"step": row.step, "epoch": row.epoch}
            if row.seconds is not None:
                cells["seconds"] = repr(row.seconds)
            cells.update((name, repr(value)) for name, value in row.values.items())
            if row.done:
                cells[DONE] = " | ".join(row.done)
            writer.writerow([cells.get(name, "") for name in columns])
        self._file.append(text.getvalue().encode("utf-8", "backslashreplace"))

    def _widen(self, columns: list[str]) -> None:
        """Write the table again with further columns at its end, and go on in that file."""
        temporary = self._path.with_name(f".{CSV_NAME}.{os.getpid()}.tmp")
        more = len(columns) - len(self._columns)
        try:
            with open(temporary, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(columns)
                if self._columns:
                    with open(self._path, encoding="utf-8", newline="") as old:
                        rows = csv.reader(old)
                        next(rows, None)
                        writer.writerows([*row, *[""] * more] for row in rows)
            os.replace(temporary, self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self._file.close()
        self._file = _AppendedFile(self._path, lines=True)
        self._columns = columns


class EventFileMirror:
    """A TensorBoard event file; a run that is resumed begins another beside it."""

    def __init__(self, folder: Path) -> None:
        now = time()
        self._file = _AppendedFile(_free(folder, now), lines=False)
        self._buffer = io.BytesIO()
        self._writer = EventWriter(self._buffer, now)

    def write(self, rows: Sequence[MeasuredRow]) -> None:
        """Add rows. Raises `OSError`."""
        before = self._buffer.tell()
        for row in rows:
            if row.back_to is not None:
                self._writer.goes_back(row.time, row.back_to + 1)
            self._writer.scalars(row.time, row.step, row.values.items())
            for text in row.done:
                self._writer.text(row.time, row.step, DONE_TAG, as_markdown(text))
        try:
            self._file.append(self._buffer.getvalue())
        except OSError:
            self._buffer.seek(before)
            self._buffer.truncate()
            raise
        self._buffer.seek(0)
        self._buffer.truncate()


def _free(folder: Path, now: float) -> Path:
    """Return a name for an event file that is not taken: two may begin within a second."""
    while (path := folder / file_name(now)).exists():
        now += 1
    return path


def open_mirror(kind: str, folder: Path) -> MirrorFile:
    """Open the file of a kind in a run folder, at its end. Raises `OSError`."""
    match kind:
        case "csv":
            return CsvMirror(folder)
        case "jsonl":
            return JsonLinesMirror(folder)
        case _:
            return EventFileMirror(folder)


def kinds_in(folder: Path) -> tuple[str, ...]:
    """Return the kinds of mirrors that a run folder has, which a resumed run goes on with."""
    found = {
        "csv": [folder / CSV_NAME],
        "jsonl": [folder / JSON_NAME],
        "tensorboard": folder.glob(f"{file_name(0)[:20]}*"),
    }
    return tuple(kind for kind in KINDS if any(path.is_file() for path in found[kind]))
