"""The metrics of a database: those of MLflow, one number a row, or of Trackio, a JSON object a row."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf, nan
from pathlib import Path
from typing import Any

from tui_trainer.readers.columns import Axes, has_role
from tui_trainer.readers.databases.opening import MAGIC, Busy, has_tables, opened
from tui_trainer.readers.json_lines import LinesSoFar, flattened, row_blocks
from tui_trainer.readers.numbers import step_of
from tui_trainer.readers.reading import MAX_COLUMNS, LogColumn, Position, Reading, Rows, Unreadable

ROWS = 20_000
"""Rows that are read at a time."""
MAX_RUNS = 50
"""Newest runs of a database that are read."""
LARGEST = 1.7976931348623157e308
"""The number that MLflow writes for infinity."""
MLFLOW: dict[str, frozenset[str]] = {
    "runs": frozenset(("run_uuid", "name", "experiment_id", "lifecycle_stage", "start_time")),
    "metrics": frozenset(("run_uuid", "key", "value", "timestamp", "step", "is_nan")),
    "params": frozenset(("run_uuid", "key", "value")),
    "experiments": frozenset(("experiment_id", "name")),
}
TRACKIO: dict[str, frozenset[str]] = {
    "metrics": frozenset(("id", "timestamp", "run_name", "step", "metrics")),
    "configs": frozenset(("run_name", "config")),
}


@dataclass(slots=True)
class DatabaseMemory:
    """The last row that was read, the names of the runs by their keys, and the settings that were passed on."""

    kind: str
    stamp: tuple[int, ...] = ()
    """Of the files, when all of their rows had been read."""
    last: int = 0
    names: dict[str, str] = field(default_factory=dict[str, str])
    left_out: set[str] = field(default_factory=set[str])
    settings: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    tags: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    lines: LinesSoFar | None = None


def looks_like_database(_name: str, head: bytes) -> bool:
    """Return whether a file begins like a database."""
    return head.startswith(MAGIC)


def may_hold_runs(head: bytes, _told: Mapping[str, str]) -> bool:
    """Return whether a database may hold runs; its tables are checked where it is read."""
    return head.startswith(MAGIC)


def read_database(path: Path, position: Position, _told: Mapping[str, str]) -> Reading:
    """Read rows of a database."""
    stamp = _stamp(path)
    memory: DatabaseMemory | None = position.memory
    if memory is not None and memory.stamp == stamp:
        return Reading(position, at_end=True)
    try:
        with opened(path) as connection:
            reading = _read(connection, memory, stamp[1])
    except Busy:
        return Reading(position, at_end=True)
    if reading.at_end:
        reading.position.memory.stamp = stamp
    return reading


def _stamp(path: Path) -> tuple[int, ...]:
    """Return times and sizes that change with the database or with the log of changes beside it."""
    status = path.stat()
    try:
        log = path.with_name(path.name + "-wal").stat()
    except OSError:
        return status.st_mtime_ns, status.st_size
    return status.st_mtime_ns, status.st_size, log.st_mtime_ns, log.st_size


def _read(connection: sqlite3.Connection, memory: DatabaseMemory | None, size: int) -> Reading:
    notes: list[str] = []
    if memory is None:
        memory = DatabaseMemory(_kind(connection))
        notes.append(f"a database of {memory.kind}")
    runs: dict[str, Rows] = {}
    left = len(memory.left_out)
    if memory.kind == "MLflow":
        _name_mlflow_runs(connection, memory)
        rows = _mlflow_rows(connection, memory, runs)
        _mlflow_settings(connection, memory, runs)
    else:
        rows = _trackio_rows(connection, memory, runs)
        _trackio_settings(connection, memory, runs)
    if len(memory.left_out) > left:
        notes.append(f"{len(memory.left_out)} older runs left out; of a database the newest {MAX_RUNS} are read")
    newest = connection.execute("SELECT max(rowid) FROM metrics").fetchone()[0] or 1
    share = min(memory.last / newest, 1.0) if isinstance(newest, int) else 1.0
    return Reading(Position(int(size * share * 0.999), memory), runs, notes, at_end=rows < ROWS)


def _kind(connection: sqlite3.Connection) -> str:
    if has_tables(connection, MLFLOW):
        return "MLflow"
    if has_tables(connection, TRACKIO):
        return "Trackio"
    raise Unreadable("no database of MLflow or Trackio: the tables with metrics and settings are missing")


def _take_names(memory: DatabaseMemory, found: list[tuple[str, str]]) -> None:
    """Name new runs, the newest first, each by a name of its own."""
    for key, name in found:
        if key in memory.names or key in memory.left_out:
            continue
        if len(memory.names) >= MAX_RUNS:
            memory.left_out.add(key)
            continue
        name = name or key[:8]
        memory.names[key] = f"{name} {key[:8]}" if name in memory.names.values() else name


def _name_mlflow_runs(connection: sqlite3.Connection, memory: DatabaseMemory) -> None:
    several = connection.execute(
        "SELECT count(DISTINCT experiment_id) FROM runs WHERE lifecycle_stage = 'active'"
    ).fetchone()[0]
    found = connection.execute(
        "SELECT r.run_uuid, r.name, e.name FROM runs r LEFT JOIN experiments e USING (experiment_id) "
        "WHERE r.lifecycle_stage = 'active' ORDER BY r.start_time DESC LIMIT 10000"
    )
    named = [(str(key), f"{group}/{name}" if several > 1 and group else name or "") for key, name, group in found]
    _take_names(memory, named)


def _mlflow_rows(connection: sqlite3.Connection, memory: DatabaseMemory, runs: dict[str, Rows]) -> int:
    found = connection.execute(
        "SELECT rowid, run_uuid, key, value, timestamp, step, is_nan FROM metrics WHERE rowid > ? "
        "ORDER BY rowid LIMIT ?",
        (memory.last, ROWS),
    ).fetchall()
    for row, key, tag, value, wall, at, is_nan in found:
        memory.last = row
        name, step = memory.names.get(str(key)), step_of(at)
        if name is None or step is None or not isinstance(tag, str) or not isinstance(value, (int, float)):
            continue
        known = memory.tags.setdefault(name, set())
        if tag not in known and len(known) >= MAX_COLUMNS and not has_role(tag):
            continue
        known.add(tag)
        rows = runs.setdefault(name, Rows())
        column = rows.columns.get(tag)
        if column is None:
            column = rows.columns[tag] = LogColumn()
        number = nan if is_nan else inf if value >= LARGEST else -inf if value <= -LARGEST else float(value)
        column.append(step, number)
        seconds = rows.seconds = rows.seconds or LogColumn()
        if isinstance(wall, (int, float)) and (not len(seconds.steps) or seconds.steps[-1] != step):
            seconds.append(step, wall / 1000)
    return len(found)


def _mlflow_settings(connection: sqlite3.Connection, memory: DatabaseMemory, runs: dict[str, Rows]) -> None:
    for key, name in memory.names.items():
        found = connection.execute("SELECT key, value FROM params WHERE run_uuid = ? LIMIT 5000", (key,))
        _tell_settings(memory, runs, name, {str(at): _value(value) for at, value in found})


def _name_trackio_runs(connection: sqlite3.Connection, memory: DatabaseMemory) -> None:
    found = connection.execute("SELECT run_name FROM metrics GROUP BY run_name ORDER BY max(id) DESC LIMIT 10000")
    _take_names(memory, [(str(name), str(name)) for (name,) in found])


def _trackio_rows(connection: sqlite3.Connection, memory: DatabaseMemory, runs: dict[str, Rows]) -> int:
    found = connection.execute(
        "SELECT id, run_name, step, metrics, timestamp FROM metrics WHERE id > ? ORDER BY id LIMIT ?",
        (memory.last, ROWS // 4),
    ).fetchall()
    if any(str(each[1]) not in memory.names and str(each[1]) not in memory.left_out for each in found):
        _name_trackio_runs(connection, memory)
    records: list[dict[str, Any]] = []
    for row, name, step, text, wall in found:
        memory.last = row
        known = memory.names.get(str(name))
        if known is not None and isinstance(step, int):
            axes = {"\0run": known, "\0step": step, "\0seconds": _seconds(wall)}
            records.append({**_numbers(text), **axes})
    if memory.lines is None:
        memory.lines = LinesSoFar(Axes("\0step", None, "\0seconds", "\0run"), {})
    runs.update(row_blocks(records, memory.lines))
    return len(found) * 4


def _trackio_settings(connection: sqlite3.Connection, memory: DatabaseMemory, runs: dict[str, Rows]) -> None:
    for name, text in connection.execute("SELECT run_name, config FROM configs LIMIT 10000"):
        if (known := memory.names.get(str(name))) is not None:
            settings = {key: value for key, value in _object(text).items() if not key.startswith("_")}
            _tell_settings(memory, runs, known, flattened(settings))


def _tell_settings(memory: DatabaseMemory, runs: dict[str, Rows], name: str, settings: dict[str, Any]) -> None:
    if settings and memory.settings.get(name) != settings:
        memory.settings[name] = settings
        runs.setdefault(name, Rows()).settings.update(settings)


def _object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _numbers(text: Any) -> dict[str, Any]:
    """Return the numbers of a JSON object; Trackio writes those that are not finite as texts."""
    words = {"Infinity": inf, "-Infinity": -inf, "NaN": nan}
    flat = flattened(_object(text))
    return {key: words.get(value, value) if isinstance(value, str) else value for key, value in flat.items()}


def _seconds(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _value(text: Any) -> Any:
    """Return a parameter, which MLflow keeps as text, as the number that it was."""
    for kind in (int, float):
        try:
            return kind(text)
        except (ValueError, TypeError):
            continue
    return {"True": True, "False": False}.get(str(text), str(text))
