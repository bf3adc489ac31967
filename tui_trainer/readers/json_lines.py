"""One JSON object a line, with a step or an epoch among its keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui_trainer.readers.columns import Axes, guess_axes, has_role
from tui_trainer.readers.lines import read_lines
from tui_trainer.readers.numbers import step_of
from tui_trainer.readers.reading import CHUNK, MAX_COLUMNS, LogColumn, Position, Reading, Rows, Unreadable

HEAD = 50
"""First objects among which the axes are looked for."""
DEPTH = 8
"""Deepest nesting that is read."""


@dataclass(slots=True)
class LinesSoFar:
    """The axes, the names of the columns, and what was left out."""

    axes: Axes
    told: dict[str, str]
    names: set[str] = field(default_factory=set[str])
    bad: int = 0
    rows: int = 0


def looks_like_json_lines(name: str, _head: bytes) -> bool:
    """Return whether a file holds a JSON object a line, by its name."""
    return name.lower().endswith((".jsonl", ".ndjson"))


def has_axes(head: bytes, told: Mapping[str, str]) -> bool:
    """Return whether a file that begins with these bytes has a step or an epoch among its keys."""
    lines = head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    records = [record for record in map(_record, lines) if record is not None]
    try:
        axes_of(records, told)
    except Unreadable:
        return False
    return True


def read_json_lines(path: Path, position: Position, told: Mapping[str, str]) -> Reading:
    """Read objects of a file."""
    lines, offset, ended = read_lines(path, position.offset, position.limit or CHUNK)
    records: list[dict[str, Any]] = []
    bad = 0
    for line in lines:
        if not line.strip():
            continue
        record = _record(line)
        if record is None:
            bad += 1
        else:
            records.append(record)
    memory: LinesSoFar | None = position.memory
    notes: list[str] = []
    if memory is None:
        if not records:
            if bad:
                raise Unreadable("no line holds a JSON object")
            return Reading(Position(0 if ended else offset), at_end=ended)
        memory = LinesSoFar(axes_of(records[:HEAD], told), dict(told))
        notes.append(memory.axes.in_words())
    if bad:
        notes.append(f"{bad} line{'s' if bad > 1 else ''} that hold no JSON object left out")
    runs = row_blocks(records, memory)
    if memory.bad:
        notes.append(f"{memory.bad} line{'s' if memory.bad > 1 else ''} without a step left out")
        memory.bad = 0
    return Reading(Position(offset, memory), runs, notes, ended)


def axes_of(records: list[dict[str, Any]], told: Mapping[str, str]) -> Axes:
    """Guess the axes from the keys of the first records. Raises `Unreadable`."""
    keys: dict[str, None] = {}
    for record in records:
        keys.update(dict.fromkeys(record))
    return guess_axes(keys, {role: name for role, name in told.items() if role in ("step", "epoch", "seconds")})


def row_blocks(records: list[dict[str, Any]], memory: LinesSoFar) -> dict[str, Rows]:
    """Return the columns of each run in records."""
    axes = memory.axes
    runs: dict[str, Rows] = {}
    for record in records:
        epoch = record.get(axes.epoch) if axes.epoch is not None else None
        step = step_of(record.get(axes.step) if axes.step is not None else epoch)
        if step is None:
            if memory.rows:
                memory.bad += 1
            elif record:
                texts = {key: value for key, value in record.items() if not isinstance(value, list)}
                runs.setdefault("", Rows()).settings.update(texts)
            continue
        if axes.step is None and isinstance(epoch, float) and epoch % 1:
            step = memory.rows + 1
        memory.rows += 1
        run = record.get(axes.run) if axes.run is not None else ""
        block = runs.setdefault(run if isinstance(run, str) else str(run), Rows())
        block.epochs = _with(block.epochs, step, epoch)
        block.seconds = _with(block.seconds, step, record.get(axes.seconds) if axes.seconds is not None else None)
        _add(block, record, step, memory)
    return runs


def _with(column: LogColumn | None, step: int, value: Any) -> LogColumn | None:
    if isinstance(value, (int, float)):
        column = column or LogColumn()
        column.append(step, float(value))
    return column


def _add(block: Rows, record: dict[str, Any], step: int, memory: LinesSoFar) -> None:
    axes = memory.axes.all
    for key, value in record.items():
        if key in axes or isinstance(value, (bool, str)) or value is None:
            continue
        if key not in memory.names:
            if len(memory.names) >= MAX_COLUMNS and not has_role(key):
                continue
            memory.names.add(key)
        column = block.columns.get(key)
        if column is None:
            column = block.columns[key] = LogColumn()
        column.append(step, value)


def _record(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return flattened(value) if isinstance(value, dict) else None


def flattened(value: dict[str, Any], prefix: str = "", depth: int = DEPTH) -> dict[str, Any]:
    """Return nested objects as one, keys joined by a slash; numbers and texts only."""
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            if depth:
                flat.update(flattened(item, f"{prefix}{key}/", depth - 1))
        elif isinstance(item, int) and abs(item) >= 1 << 1000:
            continue
        elif isinstance(item, (str, bool, int, float)):
            flat[prefix + key] = item
    return flat
