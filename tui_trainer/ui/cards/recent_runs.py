"""The last finished runs of a preset, read in the background from the ends of their journals."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tui_trainer.paths import GENERATED_NAME
from tui_trainer.runs.journal import newest_lines
from tui_trainer.runs.run_info import RunInfo, is_run, read_run_info
from tui_trainer.ui.background_call import BackgroundCall

MOST_RUNS = 3
"""Runs that are shown."""
MOST_READ = 24
"""Most folders that are read for them: of a preset that never finishes, the search ends."""
JOURNAL_BYTES = 2 << 20
"""Bytes at the end of a journal that are read for its curve."""


@dataclass(frozen=True, slots=True)
class RecentRun:
    """A run that finished earlier.

    Attributes:
        info: its state.
        metrics: the values of each metric, epoch by epoch.
        seconds: seconds of training.
    """

    info: RunInfo
    metrics: dict[str, list[float]] = field(default_factory=dict[str, "list[float]"])
    seconds: float = 0.0


def recent_runs(directory: Path, preset: str, without: str = "", wanted: int = MOST_RUNS) -> list[RecentRun]:
    """Return the newest finished runs of a preset in a runs directory.

    Args:
        directory: the runs directory.
        preset: name of the preset.
        without: name of a run to leave out.
        wanted: most runs to return.
    """
    found: list[RecentRun] = []
    for name in _candidates(directory, preset, without)[:MOST_READ]:
        path = directory / name
        try:
            info = read_run_info(path) if is_run(path) else None
        except OSError:
            continue
        if info is not None and info.status == "finished" and info.preset == preset and not info.kept.hidden:
            found.append(with_curve(info))
            if len(found) == wanted:
                break
    return found


def _candidates(directory: Path, preset: str, without: str) -> list[str]:
    """Return the names of folders that may hold runs of a preset, the newest first. No folder is read."""
    names: list[tuple[str, str]] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name == without or entry.name.startswith(".") or not entry.is_dir():
                    continue
                generated = GENERATED_NAME.fullmatch(entry.name)
                if generated is None:
                    names.append(("", entry.name))  # a name that the user chose tells neither preset nor time
                elif preset.startswith(generated["preset"]) or generated["preset"] == preset:
                    names.append((generated["time"], entry.name))
    except OSError:
        return []
    return [name for _, name in sorted(names, reverse=True)]


def with_curve(info: RunInfo) -> RecentRun:
    """Read the curve of a run from the end of its journal, without the epochs that an undo left."""
    metrics: dict[str, list[float]] = {}
    seconds, newest = 0.0, math.inf
    try:
        for line in newest_lines(f"{info.path}/events.jsonl", JOURNAL_BYTES):
            if b'"EpochEnded"' not in line:
                continue
            event = json.loads(line)
            if not isinstance(event, dict) or event.get("type") != "EpochEnded":
                continue
            spent, values, epoch = event.get("seconds"), event.get("metrics"), event.get("epoch")
            if not isinstance(epoch, (int, float)) or epoch >= newest:
                continue  # an undo abandoned it
            newest = epoch
            if isinstance(spent, (int, float)):
                seconds = seconds or float(spent)
            for name, value in values.items() if isinstance(values, dict) else ():
                if isinstance(value, (int, float)):
                    metrics.setdefault(str(name), []).append(float(value))
    except (OSError, ValueError, RecursionError):
        pass
    return RecentRun(info, {name: values[::-1] for name, values in metrics.items()}, seconds)


class RecentRuns:
    """The recent runs of one preset after another: asked for at any time, read once in a thread."""

    def __init__(self, read: Callable[[Path, str, str], list[RecentRun]] = recent_runs) -> None:
        self._read = read
        self._key: tuple[str, str, str] | None = None
        self._call: BackgroundCall[list[RecentRun]] | None = None
        self.runs: list[RecentRun] = []
        """The runs that were read; empty until then."""

    def ask(self, directory: str, preset: str, without: str) -> None:
        """Read the recent runs of a preset, unless they were asked for before."""
        key = (directory, preset, without)
        if key != self._key and directory and preset:
            self._key, self.runs = key, []
            self._call = BackgroundCall(lambda: self._read(Path(directory), preset, without))

    @property
    def reading(self) -> bool:
        """Whether they are being read."""
        return self._call is not None

    def poll(self) -> bool:
        """Return whether the runs have just arrived."""
        if self._call is None or not self._call.done:
            return False
        call, self._call = self._call, None
        try:
            self.runs = call.result()
        except Exception:  # noqa: BLE001 - the card does without them
            self.runs = []
        return bool(self.runs)
