"""The run list of a host: a small file next to its socket that names its runs, from the moment it is launched.

A host creates the folder of a run once model and data are built, seconds after its start. Until then, and until a run
that is resumed is locked, the list says that it is there: `runs`, `last` and `send` mean it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tui_trainer.paths import socket_dirs
from tui_trainer.runs.process_start import is_running, process_start
from tui_trainer.runs.run_info import RunInfo

MAX_LIST = 1 << 20
"""Bytes of the largest list that is read."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A run that a new host was asked to train: known from the moment of its launch.

    Attributes:
        name, path, preset, title: those of `RunSpec`.
        config: its configuration, as it was validated before the launch.
        resume: whether an earlier run goes on.
    """

    name: str
    path: str
    preset: str = ""
    title: str = ""
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    resume: bool = False


@runtime_checkable
class Launching(Protocol):
    """A session with a host that was just launched."""

    @property
    def announced(self) -> tuple[Announced, ...]:
        """The runs that its host was asked to train."""
        ...


def write_run_list(socket: Path, runs: Sequence[Mapping[str, str]], pid: int, *, starting: bool) -> None:
    """Write the run list of a host. Failing is harmless: the runs are then listed once they have folders.

    Args:
        socket: the socket of the host.
        runs: `name`, `path` and `preset` of each run.
        pid: the process of the host.
        starting: whether it has not begun to train yet.
    """
    fields: dict[str, Any] = {"runs": [run["path"] for run in runs]}
    path = socket.with_suffix(".json")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    began = process_start(pid) if starting else None
    with contextlib.suppress(OSError):
        if began is not None:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            fields["starting"] = {
                "pid": pid,
                "process_started": began,
                "started": now,
                "names": [run["name"] for run in runs],
                "presets": [run["preset"] for run in runs],
            }
        temporary.write_text(json.dumps(fields))
        os.replace(temporary, path)


def is_mine(directory: Path) -> bool:
    """Return whether a directory belongs to this user: what another user lists there is not to be trusted."""
    try:
        return directory.lstat().st_uid == os.getuid()
    except OSError:
        return False


def run_lists() -> list[Path]:
    """Return the run lists of this user's hosts, also of some that have ended."""
    found: list[Path] = []
    for directory in socket_dirs():
        if is_mine(directory):
            with contextlib.suppress(OSError):
                found += (directory / name for name in os.listdir(directory) if name.endswith(".json"))
    return found


def starting_runs(directory: Path | None = None) -> list[RunInfo]:
    """Return the runs whose hosts have not begun to train, of one runs directory or of all.

    Each is running, in the words of the other commands, and has its path in `directory`.
    """
    root = os.path.realpath(directory) if directory is not None else ""
    runs: list[RunInfo] = []
    for path in run_lists():
        for info in _starting(path):
            within = os.path.realpath(info.path)[: -len(info.name)].rstrip("/")
            if directory is None:
                runs.append(info)
            elif within == root:
                runs.append(_moved(info, directory))
    return runs


def _moved(info: RunInfo, directory: Path) -> RunInfo:
    path = str(directory / info.name)
    return RunInfo(
        info.name, path, info.status, preset=info.preset, started=info.started, socket=info.socket, starting=True
    )


_parsed: dict[Path, tuple[tuple[int, int], list[RunInfo], int, float]] = {}
"""Run lists by path, as they were read last: inode and time, the runs, and the process."""


def _starting(path: Path) -> list[RunInfo]:
    """Return the runs of a list whose host is starting; empty for one that trains or has ended."""
    try:
        status = os.stat(path)
        stamp = status.st_ino, status.st_mtime_ns
        known = _parsed.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, *_parse(path, status.st_size))
            _parsed[path] = known
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []
    _, runs, pid, began = known
    if not runs:
        return []
    if is_running(pid, began):
        return runs
    if not path.with_suffix(".sock").exists():  # it ended before it listened, so that no host would remove the list
        with contextlib.suppress(OSError):
            path.unlink()
    return []


def _parse(path: Path, size: int) -> tuple[list[RunInfo], int, float]:
    if size > MAX_LIST:
        return [], 0, 0.0
    fields = json.loads(path.read_bytes())
    if "starting" not in fields:
        return [], 0, 0.0
    starting = fields["starting"]
    socket, began = str(path.with_suffix(".sock")), str(starting["started"])
    runs = [
        RunInfo(str(name), str(folder), "running", preset=str(preset), started=began, socket=socket, starting=True)
        for name, folder, preset in zip(starting["names"], fields["runs"], starting["presets"], strict=True)
    ]
    return runs, int(starting["pid"]), float(starting["process_started"])
