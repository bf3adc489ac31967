"""`run-….wandb` of an offline or synchronized run of W&B: its history and its configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from tui_trainer.readers.json_lines import HEAD, LinesSoFar, axes_of, flattened, row_blocks
from tui_trainer.readers.reading import CHUNK, SETTLED, Position, Reading, Rows, Unreadable
from tui_trainer.readers.wandb_runs.frames import HEADER, MAGIC, cut_frames

TOLD = 5
"""Most damaged places that are named."""


@dataclass(slots=True)
class RunFileMemory:
    """The parser of its records, the axes once they are known, and what was said."""

    parse: Callable[[bytes], Any]
    lines: LinesSoFar | None = None
    damaged: int = 0
    told_of_tail: bool = False


def looks_like_run_file(name: str, _head: bytes) -> bool:
    """Return whether a file is a run of W&B by its name."""
    return name.endswith(".wandb")


def is_run_file(head: bytes, _told: Mapping[str, str]) -> bool:
    """Return whether a file begins like a run of W&B; an empty one may become one."""
    return MAGIC.startswith(head[: len(MAGIC)])


def _parser() -> Callable[[bytes], Any]:
    """Return the parser of wandb's records. Raises `Unreadable` where wandb is not installed."""
    try:
        from wandb.proto import wandb_internal_pb2  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise Unreadable("a run of W&B needs the package wandb: pip install 'tui-trainer[wandb]'") from None
    return wandb_internal_pb2.Record.FromString


def read_run_file(path: Path, position: Position, told: Mapping[str, str]) -> Reading:
    """Read records of a run."""
    memory: RunFileMemory = position.memory or RunFileMemory(_parser())
    with open(path, "rb") as file:
        head = file.read(HEADER)
        if head[: len(MAGIC)] != MAGIC[: len(head)]:
            raise Unreadable("it does not begin like a run of W&B")
        offset = max(position.offset, HEADER)
        file.seek(offset)
        piece = file.read(CHUNK)
        ended = not file.read(1)
        while True:
            frames = cut_frames(piece, offset)
            if frames.end > offset or ended:
                break
            more = file.read(CHUNK)  # a record that is longer than the piece
            piece, ended = piece + more, len(more) < CHUNK
    settings: dict[str, Any] = {}
    records: list[dict[str, Any]] = []
    notes: list[str] = []
    for data in frames.data:
        try:
            record = memory.parse(data)
        except Exception as error:  # noqa: BLE001 - DecodeError is of a package that may be missing
            notes.append(f"a record cannot be read: {type(error).__name__}")
            continue
        for config in (record.config, record.run.config):
            settings.update(_items(config.update))
        if record.history.item:
            row = flattened(_items(record.history.item))
            if "_runtime" in row and "_timestamp" not in told.values():
                row.pop("_timestamp", None)  # the same time once more
            records.append(row)
    notes = notes[:1] + _damage(frames.broken, memory)
    rest = offset + len(piece) - frames.end
    if ended and rest > 0 and not memory.told_of_tail and time() - path.stat().st_mtime > SETTLED:
        memory.told_of_tail = True
        notes.append(f"the last {rest:,} bytes, from byte {frames.end:,} on, are no whole record")
    if memory.lines is None and records:
        memory.lines = LinesSoFar(axes_of(records[:HEAD], told), dict(told))
        notes.append(memory.lines.axes.in_words())
    runs = row_blocks(records, memory.lines) if memory.lines is not None else {}
    settings.pop("_wandb", None)
    if settings:
        runs.setdefault("", Rows()).settings.update(flattened(settings))
    return Reading(Position(frames.end, memory), runs, notes, ended)


def _damage(broken: list[int], memory: RunFileMemory) -> list[str]:
    said = broken[: max(TOLD - memory.damaged, 0)]
    memory.damaged += len(broken)
    return [f"damaged at byte {at:,}; it is read on from the next block" for at in said]


def _items(items: Iterable[Any]) -> dict[str, Any]:
    """Return keys and values of messages, each value JSON; a key may be a path."""
    found: dict[str, Any] = {}
    for item in items:
        try:
            value = json.loads(item.value_json)
        except (ValueError, RecursionError):
            continue
        found["/".join(item.nested_key) or item.key] = value
    return found
