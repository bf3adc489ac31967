"""What is live and what is finished: each run folder in one value, read from the end of its journal."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.runs.atomic_write import read_plain
from tui_trainer.runs.journal import newest_lines
from tui_trainer.runs.run_dir import MAX_ABOUT, RunDir

NEAR = 1 << 16
"""Bytes at the end of a journal within which a pause would be found."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run folder, as `tui-trainer runs` lists it."""

    name: str
    """The folder's name; `group/variant` for a variant."""
    path: str
    status: str
    """running, paused, finished, failed, or dead: its host vanished."""
    reason: str = ""
    preset: str = ""
    epoch: int = 0
    step: int = 0
    metrics: dict[str, float | None] = field(default_factory=dict[str, "float | None"])
    best: dict[str, Any] | None = None
    started: str = ""
    socket: str = ""
    """Where its host listens, empty where none does."""

    @property
    def live(self) -> bool:
        """Whether a host holds it."""
        return self.status in ("running", "paused")

    @property
    def group(self) -> str:
        """The group that it is a variant of, empty for a run of its own."""
        return self.name.rpartition("/")[0]

    def to_json(self) -> dict[str, Any]:
        """The fields that programs rely on."""
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
    """Every run of a runs directory, live ones first, then the newest."""
    found: list[RunInfo] = []
    for path in _folders(directory):
        try:
            found.append(describe(path, directory))
        except OSError:
            continue
    found.sort(key=lambda info: (info.live, info.started, info.name), reverse=True)
    return found


def _folders(directory: Path) -> list[Path]:
    """Run folders in the directory, and one level down for the variants of a group."""
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
    """Whether a folder holds a run."""
    journal, config = path / "events.jsonl", path / "run.toml"
    return journal.is_file() or (config.is_file() and not journal.exists())


def describe(path: Path, directory: Path | None = None) -> RunInfo:
    """One run folder. Never slower for a long run: only the ends of the journal are read."""
    folder = RunDir(path)
    about = _about(folder.about)
    owner = folder.owner()
    name = path.name
    if directory is not None and path.parent != directory:
        name = f"{path.parent.name}/{path.name}"
    known = _ending(folder.journal)
    finished = known.get("finished")
    if finished is not None and owner is not None and "/" not in str(finished.get("run", "")):
        finished = None  # its host is about to leave; that of a set stays for those that still train
    last = finished or known.get("epoch") or {}
    if finished is not None:
        status = "failed" if finished.get("exit_code") == 1 else "finished"
    elif owner is not None:
        status = "paused" if known.get("status") == "paused" else "running"
    else:
        status = "dead"
    return RunInfo(
        name=name,
        path=str(path),
        status=status,
        reason=str(finished.get("reason", "")) if finished else "",
        preset=str(about.get("preset", "")),
        epoch=_count(last.get("epoch")),
        step=max(_count(known.get("step")), _count(last.get("step"))),
        metrics=known.get("scalars", {}) | _metrics(last.get("metrics")),
        best=_best(last.get("best")),
        started=str(about.get("started", "")),
        socket=owner.socket if owner is not None else "",
    )


def _ending(journal: Path) -> dict[str, Any]:
    """What the newest lines of a journal say. A pause is near the end, or there is none; the last epoch may be far."""
    known: dict[str, Any] = {}
    read = 0
    try:
        for line in newest_lines(journal):
            read += len(line)
            _learn(known, _event(line))
            wanted = {"epoch", "step"} if read > NEAR else {"epoch", "step", "status"}
            if "finished" in known or known.keys() >= wanted:
                break
    except OSError:
        pass
    return known


def _event(line: bytes) -> dict[str, Any]:
    """What an unaltered line says. Its checksum vouches for the bytes, not for who wrote them: it may say anything."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _count(value: Any) -> int:
    """A number of steps or epochs, 0 for whatever else was written there."""
    return value if isinstance(value, int) and 0 <= value < 1 << 63 else 0


def _value(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and abs(value) <= sys.float_info.max else None


def _metrics(value: Any) -> dict[str, float | None]:
    """The last value of each metric; None for what is not a number that can be drawn."""
    return {name: _value(number) for name, number in value.items()} if isinstance(value, dict) else {}


def _best(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict) or (number := _value(value.get("value"))) is None:
        return None
    return {"epoch": _count(value.get("epoch")), "metric": str(value.get("metric", "")), "value": number}


def _learn(known: dict[str, Any], event: dict[str, Any]) -> None:
    match event.get("type"):
        case "RunFinished":
            if "started" not in known:  # it was not taken up again afterwards
                known.setdefault("finished", event)
        case "RunStarted":
            known.setdefault("started", event)
        case "EpochEnded":
            known.setdefault("epoch", event)
        case "StatusChanged":
            known.setdefault("status", event.get("status"))
        case "Scalars":
            steps, columns = event.get("steps"), event.get("values")
            known.setdefault("step", steps[-1] if isinstance(steps, list) and steps else 0)
            columns = columns.items() if isinstance(columns, dict) else ()
            last = {name: _value(values[-1]) for name, values in columns if isinstance(values, list) and values}
            known["scalars"] = last | known.get("scalars", {})
        case _:
            pass


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(read_plain(path, MAX_ABOUT))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def find_run(name: str, directory: Path, live: bool = False) -> RunInfo:
    """The run of a folder, a name, a unique prefix of it, or `last`; of a group its first run.

    Args:
        live: only runs whose host lives are looked at.

    Raises:
        UserError: no such run, or several.
    """
    return find_runs(name, directory, live)[0]


def find_runs(name: str, directory: Path, live: bool = False) -> list[RunInfo]:
    """The run of a name, or every run of the group of that name, as they began. Arguments, errors as of `find_run`."""
    return sorted(_find_runs(name, directory, live), key=lambda info: info.started)


def _find_runs(name: str, directory: Path, live: bool) -> list[RunInfo]:
    path = Path(name)
    if ("/" in name or path.is_dir()) and is_run(path):
        return [describe(path, directory if path.parent.parent == directory else None)]
    if path.is_dir() and (inside := [child for child in sorted(path.glob("*/")) if is_run(child)]):
        return [describe(child, path.parent) for child in inside]
    runs = list_runs(directory)
    if live:
        runs = [info for info in runs if info.live]
    wanted = "live run" if live else "run"
    if not runs:
        which = wanted if name == "last" else f"{wanted} {name!r}"
        raise UserError(
            f"no {which}: there is none in {directory}" + ("; `tui-trainer runs` lists others" if live else "")
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
        raise UserError(f"{name!r} means several runs: {names}{', ...' if len(matching) > 5 else ''}")
    raise UserError(f"no {wanted} {name!r} in {directory}; {did_you_mean(name, [info.name for info in runs][:20])}")
