"""Read the state of one run from its directory: only the end of its journal, however long it is."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui_trainer.runs.journal import newest_lines
from tui_trainer.runs.keeping.kept import NOTHING, Kept, read_kept
from tui_trainer.runs.run_dir import owner_of, read_about
from tui_trainer.state.endings import has_failed

STATUS_BYTES = 1 << 16
"""Bytes at the end of a journal that are searched for the last change of status."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run folder, as `tui-trainer runs` lists it."""

    name: str
    """Name of the run directory; `group/variant` for a variant."""
    path: str
    status: str
    """running, paused, finished, failed, or dead (its host vanished)."""
    reason: str = ""
    preset: str = ""
    epoch: int = 0
    step: int = 0
    metrics: dict[str, float | None] = field(default_factory=dict[str, "float | None"])
    best: dict[str, Any] | None = None
    started: str = ""
    socket: str = ""
    """Socket of its host, empty where none is alive."""
    starting: bool = False
    """Whether its host has not begun to train yet: it may have no folder so far."""
    seconds: float = 0.0
    """Seconds of training, as far as its last epoch tells."""
    kept: Kept = NOTHING
    """The name, tags and note that a user gave it."""
    host: str = ""
    """The machine that trains it, empty for this one; `path` is then the path there."""

    @property
    def live(self) -> bool:
        """Whether a host is training it."""
        return self.status in ("running", "paused")

    @property
    def group(self) -> str:
        """The group of which it is a variant, empty for a single run."""
        return self.name.rpartition("/")[0]

    @property
    def shown_group(self) -> str:
        """The name of its set in lists: the one that a user gave it, else that of the folder."""
        return self.kept.group or self.group if self.group else ""

    @property
    def shown(self) -> str:
        """The name in lists: the one that a user gave it, else that of the folder; `set/variant` for a variant."""
        own = self.kept.name or self.name.rpartition("/")[2]
        return f"{self.shown_group}/{own}" if self.group else own

    def to_json(self) -> dict[str, Any]:
        """Return the stable fields for `--json`."""
        best = self.best
        return {
            "name": self.name,
            "path": self.path,
            "status": self.status,
            "reason": self.reason,
            "preset": self.preset,
            "epoch": self.epoch,
            "step": self.step,
            "metrics": self.metrics,
            "best": {key: best.get(key) for key in ("epoch", "metric", "value")} if best else None,
            "shown": self.shown,
            "set": self.group,
            "started": self.started,
            "duration": self.seconds,
            "tags": list(self.kept.tags),
            "note": self.kept.note,
            "hidden": self.kept.hidden,
        }


def is_run(path: str | Path) -> bool:
    """Return whether a directory holds a run. One that cannot be read holds none."""
    journal = f"{path}/events.jsonl"
    return os.path.isfile(journal) or (os.path.isfile(f"{path}/run.toml") and not os.path.exists(journal))


def read_run_info(path: Path, directory: Path | None = None) -> RunInfo:
    """Read the `RunInfo` of one run directory. Takes no longer for a long run: only the end of its journal is read."""
    is_variant = directory is not None and path.parent != directory
    return read_named(f"{path.parent.name}/{path.name}" if is_variant else path.name, str(path))


def read_named(name: str, path: str) -> RunInfo:
    """Read the `RunInfo` of the run with this name in a directory."""
    about, owner = read_about(path), owner_of(path)
    ending = _ending(f"{path}/events.jsonl")
    finished = ending.get("finished")
    if finished is not None and owner is not None and "/" not in str(finished.get("run", "")):
        finished = None  # its host is about to exit; the host of a group stays until all of its runs are over
    last = finished or ending.get("epoch") or {}
    if finished is not None:
        failed = has_failed(str(finished.get("reason")), finished.get("exit_code", 0))
        status = "failed" if failed else "finished"
    elif owner is not None:
        status = "paused" if ending.get("status") == "paused" else "running"
    else:
        status = "dead"
    return RunInfo(
        name=name,
        path=path,
        status=status,
        reason=str(finished.get("reason", "")) if finished else "",
        preset=str(about.get("preset", "")),
        epoch=_count(last.get("epoch")),
        step=max(_count(ending.get("step")), _count(last.get("step"))),
        metrics=ending.get("scalars", {}) | _metrics(last.get("metrics")),
        best=_best(last.get("best")),
        started=str(about.get("started", "")),
        socket=owner.socket if owner is not None else "",
        seconds=max(_value(last.get("seconds")) or 0.0, 0.0),
        kept=read_kept(path),
    )


def _ending(journal: str) -> dict[str, Any]:
    """Read the newest events of a journal: the last epoch, which may be far from its end, and a pause, which is not."""
    ending: dict[str, Any] = {}
    read = 0
    try:
        for line in newest_lines(journal):
            read += len(line)
            _add(ending, _event(line))
            needed = {"epoch", "step"} if read > STATUS_BYTES else {"epoch", "step", "status"}
            if "finished" in ending or ending.keys() >= needed:
                break
    except OSError:
        pass
    return ending


def _event(line: bytes) -> dict[str, Any]:
    """Parse a line. Its checksum proves that it is undamaged, not that it comes from a host: it may hold anything."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _count(value: Any) -> int:
    """Return a number of steps or epochs, 0 for any other value."""
    return value if isinstance(value, int) and 0 <= value < 1 << 63 else 0


def _value(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and abs(value) <= sys.float_info.max else None


def _metrics(value: Any) -> dict[str, float | None]:
    """Return the last value of each metric, None for a value that is not a finite number."""
    return {name: _value(number) for name, number in value.items()} if isinstance(value, dict) else {}


def _best(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict) or (number := _value(value.get("value"))) is None:
        return None
    return {"epoch": _count(value.get("epoch")), "metric": str(value.get("metric", "")), "value": number}


def _add(ending: dict[str, Any], event: dict[str, Any]) -> None:
    """Add an event that is older than those added before."""
    match event.get("type"):
        case "RunFinished":
            if "started" not in ending:  # it was not resumed afterwards
                ending.setdefault("finished", event)
        case "RunStarted":
            ending.setdefault("started", event)
        case "EpochEnded":
            ending.setdefault("epoch", event)
        case "StatusChanged":
            ending.setdefault("status", event.get("status"))
        case "Scalars":
            steps, columns = event.get("steps"), event.get("values")
            ending.setdefault("step", steps[-1] if isinstance(steps, list) and steps else 0)
            columns = columns.items() if isinstance(columns, dict) else ()
            last = {name: _value(values[-1]) for name, values in columns if isinstance(values, list) and values}
            ending["scalars"] = last | ending.get("scalars", {})
        case _:
            pass
