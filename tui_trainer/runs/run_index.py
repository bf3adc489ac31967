"""The runs of a directory, kept up to date by looking at little.

    a new or removed folder     changes the modification time of the directory, which is asked for at each refresh
    a live run                  is read again at each refresh
    any other run               is read again once its journal, about.json, kept.json or lock has changed; each refresh
                                asks a part of them, so that all have been asked after `PARTS` refreshes

A time of modification counts only once it is `SETTLED` old: a file may change twice within one tick of the clock.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from tui_trainer.runs.run_info import RunInfo, is_run, read_named
from tui_trainer.runs.run_list import starting_runs

PARTS = 5
"""Refreshes after which every run that is over has been asked whether it changed."""
SETTLED = 2.0
"""Seconds after which the time of the last change tells that nothing has changed since."""

Stamp = tuple[tuple[int, int, int], ...]
"""Inode, size and time of modification of each file."""
_FILES = ("events.jsonl", "about.json", ".lock", "kept.json")
"""Files that a run's entry in the list depends on."""


@dataclass(slots=True)
class _Listing:
    """A directory as it was listed last: the run folders and the other folders in it."""

    stamp: Stamp = ()
    settled: bool = False
    runs: list[str] = field(default_factory=list[str])
    others: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Known:
    """A run as it was read last."""

    info: RunInfo
    stamp: Stamp
    settled: bool


class RunIndex:
    """The runs of one directory and of its groups. Not safe for use by two threads at a time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.reads = 0
        """Run folders that were read so far, not counting those of which only the times were asked."""
        self._root = str(directory)
        self._listings: dict[str, _Listing] = {}
        self._known: dict[str, _Known] = {}
        self._watched: set[str] = set()
        """Names of runs that are looked at in each refresh: those that are live, or changed a moment ago."""
        self._turn = 0
        self._listed_again = False
        """Whether the directory itself had changed: then a folder may have taken the place of another one."""
        self._runs: list[RunInfo] = []
        self._starting: list[RunInfo] = []

    def refresh(self, *, everything: bool = False) -> list[RunInfo]:
        """Return every run: live ones first, then the newest. The same list as before where nothing has changed.

        Args:
            everything: ask every run whether it has changed, not only a part of those that are over.
        """
        names = self._names()
        everything = everything or self._listed_again
        changed = bool(self._known.keys() - names.keys())
        self._turn = (self._turn + 1) % PARTS
        for name in list(names) if everything else self._due(names):
            changed |= self._look(name, names[name])
        for name in self._known.keys() - names.keys():
            del self._known[name]
        self._watched &= names.keys()
        starting = starting_runs(self.directory)
        if changed or starting != self._starting:
            self._starting = starting
            self._runs = _with_starting((known.info for known in self._known.values()), starting)
            self._runs.sort(key=lambda info: (info.live, info.started, info.name), reverse=True)
        return self._runs

    def _due(self, names: dict[str, str]) -> set[str]:
        """Return the runs to look at in this refresh."""
        return {
            *list(names)[self._turn :: PARTS],
            *(names.keys() - self._known.keys()),
            *(self._watched & names.keys()),
        }

    def _look(self, name: str, path: str) -> bool:
        """Read a run again if its files have changed, or if it is live. Returns whether its entry is another one."""
        known = self._known.get(name)
        stamp = _stamp(f"{path}/{file}" for file in _FILES)
        settled = _is_settled(stamp)
        if known is not None and known.settled and known.stamp == stamp and not known.info.live:
            return False
        try:
            if not is_run(path):
                self._listings[os.path.dirname(path)].settled = False
                return self._known.pop(name, None) is not None
            info = read_named(name, path)
        except OSError:
            return self._known.pop(name, None) is not None
        self.reads += 1
        (self._watched.discard if settled and not info.live else self._watched.add)(name)
        if known is not None and known.info == info:
            known.stamp, known.settled = stamp, settled
            return False
        self._known[name] = _Known(info, stamp, settled)
        return True

    def _names(self) -> dict[str, str]:
        """Return the path of every run folder by the name of the run."""
        self._listed_again = False
        root = self._listing(self._root)
        names = {name: f"{self._root}/{name}" for name in root.runs}
        for group in root.others:
            path = f"{self._root}/{group}"
            names |= {f"{group}/{name}": f"{path}/{name}" for name in self._listing(path).runs}
        for gone in self._listings.keys() - {self._root} - {f"{self._root}/{group}" for group in root.others}:
            del self._listings[gone]
        return names

    def _listing(self, path: str) -> _Listing:
        """List a directory again if it has changed. A folder in it becomes a run when its own listing changes."""
        stamp = _stamp([path])
        known = self._listings.get(path)
        if known is None or not known.settled or known.stamp != stamp:
            known = _Listing(stamp, _is_settled(stamp), *_sorted_folders(path))
            self._listings[path] = known
            self._listed_again |= path == self._root
        elif path == self._root:
            grown = [name for name in known.others if self._has_changed(f"{path}/{name}") and is_run(f"{path}/{name}")]
            if grown:
                known.runs = sorted([*known.runs, *grown])
                known.others = [name for name in known.others if name not in grown]
        return known

    def _has_changed(self, path: str) -> bool:
        known = self._listings.get(path)
        return known is None or not known.settled or known.stamp != _stamp([path])


def _sorted_folders(path: str) -> tuple[list[str], list[str]]:
    """Return the names of the run folders in a directory, and of the other folders. Hidden ones are left out."""
    runs: list[str] = []
    others: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_dir():
                    (runs if is_run(entry.path) else others).append(entry.name)
    except OSError:
        pass
    return sorted(runs), sorted(others)


def _stamp(paths: Iterable[str]) -> Stamp:
    stamps: list[tuple[int, int, int]] = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            stamps.append((0, 0, 0))
        else:
            stamps.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(stamps)


def _is_settled(stamp: Stamp) -> bool:
    """Return whether a change after now would show in the stamp. A time in the future never does."""
    return max(at for _, _, at in stamp) < (time() - SETTLED) * 1e9


def _with_starting(runs: Iterable[RunInfo], starting: Iterable[RunInfo]) -> list[RunInfo]:
    """Put the runs whose hosts are starting in the place of what their folders say so far."""
    merged = {info.name: info for info in runs}
    for info in starting:
        known = merged.get(info.name)
        if known is None or not known.live:
            merged[info.name] = info
    return list(merged.values())
