"""`trainer_state.json` of Hugging Face's Trainer: the history of a training, written whole at each checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from tui_trainer.readers.columns import Axes
from tui_trainer.readers.json_lines import LinesSoFar, axes_of, flattened, row_blocks
from tui_trainer.readers.reading import SETTLED, Position, Reading, Rows, Unreadable

MAX_BYTES = 1 << 28
"""Bytes of the largest file that is read."""
HISTORY = "log_history"
SETTINGS = ("train_batch_size", "num_train_epochs", "max_steps", "eval_steps", "logging_steps", "save_steps")
"""Keys beside the history that are settings."""


@dataclass(slots=True)
class StateMemory:
    """The file as it was read last, and how far."""

    stamp: tuple[int, int]
    entries: int
    lines: LinesSoFar


def looks_like_trainer_state(name: str, _head: bytes) -> bool:
    """Return whether a file is the state of a trainer, by its name."""
    return name == "trainer_state.json" or (name.startswith("trainer_state") and name.endswith(".json"))


def is_trainer_state(head: bytes, _told: Mapping[str, str]) -> bool:
    """Return whether a file begins like a JSON object."""
    return head.lstrip()[:1] == b"{"


def read_trainer_state(path: Path, position: Position, told: Mapping[str, str]) -> Reading:
    """Read the entries of the history that are new since the last call."""
    status = path.stat()
    stamp = status.st_size, status.st_mtime_ns
    memory: StateMemory | None = position.memory
    if memory is not None and memory.stamp == stamp:
        return Reading(position, at_end=True)
    if status.st_size > MAX_BYTES:
        raise Unreadable(f"{status.st_size:,} bytes, more than {MAX_BYTES:,} are not read")
    try:
        state = json.loads(path.read_bytes().decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        if memory is not None or time() - status.st_mtime < SETTLED:  # it is being written
            return Reading(position, at_end=True)
        raise Unreadable(f"no JSON: {error}".splitlines()[0]) from None
    history = state.get(HISTORY) if isinstance(state, dict) else None
    if not isinstance(history, list):
        raise Unreadable(f"no list {HISTORY!r} in it")
    records = [flattened(entry) for entry in history if isinstance(entry, dict)]
    notes: list[str] = []
    if memory is None:
        axes = Axes("step", "epoch", None) if not told else axes_of(records, told)
        lines = LinesSoFar(axes, dict(told))
        notes.append(axes.in_words())
        before = 0
    else:
        lines, before = memory.lines, memory.entries
        if len(records) < before:
            before = 0
    runs = row_blocks([_numbers_only(record) for record in records[before:]], lines)
    if memory is None and isinstance(state, dict):
        found = {key: state[key] for key in SETTINGS if isinstance(state.get(key), (int, float, str))}
        runs.setdefault("", Rows()).settings.update(found)
    if lines.bad:
        notes.append(f"{lines.bad} entries without a step left out")
        lines.bad = 0
    return Reading(Position(0, StateMemory(stamp, len(records), lines)), runs, notes, at_end=True)


def _numbers_only(record: dict[str, Any]) -> dict[str, Any]:
    """Return an entry without the totals that the trainer adds at the end, which are no curves."""
    if "train_runtime" in record:
        return {key: record[key] for key in ("step", "epoch") if key in record}
    return record
