"""List the runs of a directory and their status, reading only the end of each journal."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.runs.journal import newest_lines
from tui_trainer.runs.run_dir import RunDir, read_about

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

    @property
    def live(self) -> bool:
        """Whether a host is training it."""
        return self.status in ("running", "paused")

    @property
    def group(self) -> str:
        """The group of which it is a variant, empty for a single run."""
        return self.name.rpartition("/")[0]

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
        }


def list_runs(directory: Path) -> list[RunInfo]:
    """Return every run of a runs directory: live ones first, then the newest."""
    runs: list[RunInfo] = []
    for path in _folders(directory):
        try:
            runs.append(read_run_info(path, directory))
        except OSError:
            continue
    runs.sort(key=lambda info: (info.live, info.started, info.name), reverse=True)
    return runs


def check_readable(directory: Path) -> None:
    """Raise `UserError` for a runs directory that is there and cannot be read: its runs are not missing."""
    try:
        next(directory.iterdir(), None)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UserError(
            f"runs directory {str(directory)!r} cannot be read: {error.strerror}; choose another with --runs-dir DIR"
        ) from None


def _folders(directory: Path) -> list[Path]:
    """Return the run directories in a directory, and one level down for the variants of a group."""
    folders: list[Path] = []
    try:
        children = sorted(path for path in directory.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
    for child in children:
        if is_run(child):
            folders.append(child)
        else:
            folders.extend(path for path in sorted(child.glob("*/")) if is_run(path))
    return folders


def is_run(path: Path) -> bool:
    """Return whether a directory holds a run."""
    journal, config = path / "events.jsonl", path / "run.toml"
    return journal.is_file() or (config.is_file() and not journal.exists())


def read_run_info(path: Path, directory: Path | None = None) -> RunInfo:
    """Read the `RunInfo` of one run directory. Takes no longer for a long run: only the end of its journal is read."""
    folder = RunDir(path)
    about = read_about(path)
    owner = folder.owner()
    name = path.name
    if directory is not None and path.parent != directory:
        name = f"{path.parent.name}/{path.name}"
    ending = _ending(folder.journal)
    finished = ending.get("finished")
    if finished is not None and owner is not None and "/" not in str(finished.get("run", "")):
        finished = None  # its host is about to exit; the host of a group stays until all of its runs are over
    last = finished or ending.get("epoch") or {}
    if finished is not None:
        status = "failed" if finished.get("exit_code") == 1 else "finished"
    elif owner is not None:
        status = "paused" if ending.get("status") == "paused" else "running"
    else:
        status = "dead"
    return RunInfo(
        name=name,
        path=str(path),
        status=status,
        reason=str(finished.get("reason", "")) if finished else "",
        preset=str(about.get("preset", "")),
        epoch=_count(last.get("epoch")),
        step=max(_count(ending.get("step")), _count(last.get("step"))),
        metrics=ending.get("scalars", {}) | _metrics(last.get("metrics")),
        best=_best(last.get("best")),
        started=str(about.get("started", "")),
        socket=owner.socket if owner is not None else "",
    )


def _ending(journal: Path) -> dict[str, Any]:
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


def find_run(name: str, directory: Path, live: bool = False) -> RunInfo:
    """Find a run by directory, name, unique prefix, or `last`. Of a group, return the run that started first.

    Args:
        live: consider only runs whose host is alive.

    Raises:
        UserError: there is no such run, or more than one.
    """
    return find_runs(name, directory, live)[0]


def find_runs(name: str, directory: Path, live: bool = False) -> list[RunInfo]:
    """Find a run, or every run of a group in the order of their start. Arguments and errors as in `find_run`."""
    return sorted(_find_runs(name, directory, live), key=lambda info: info.started)


def _find_runs(name: str, directory: Path, live: bool) -> list[RunInfo]:
    path = Path(name)
    if ("/" in name or path.is_dir()) and is_run(path):
        return [read_run_info(path, directory if path.parent.parent == directory else None)]
    if path.is_dir() and (variants := [child for child in sorted(path.glob("*/")) if is_run(child)]):
        return [read_run_info(child, path.parent) for child in variants]
    check_readable(directory)
    runs = list_runs(directory)
    if live:
        runs = [info for info in runs if info.live]
    kind = "live run" if live else "run"
    if not runs:
        which = kind if name == "last" else f"{kind} {name!r}"
        plural = f"{kind}s"
        raise UserError(
            f"no {which}: {directory} has no {plural}" + ("; list all runs with `tui-trainer runs`" if live else "")
        )
    if name == "last":
        newest = max(runs, key=lambda info: (info.started, info.name))
        return [info for info in runs if info.group == newest.group] if newest.group else [newest]
    matching = (
        [info for info in runs if info.name == name]
        or [info for info in runs if info.group == name]
        or [info for info in runs if info.name.startswith(name)]
    )
    if len(matching) == 1 or (matching and matching[0].group and len({info.group for info in matching}) == 1):
        return matching
    if matching:
        names = ", ".join(info.name for info in matching[:5])
        raise UserError(f"{name!r} matches several runs: {names}{', ...' if len(matching) > 5 else ''}")
    raise UserError(f"no {kind} {name!r} in {directory}; {did_you_mean(name, [info.name for info in runs][:20])}")
