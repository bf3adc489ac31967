"""The names that a user gave the runs on the screen, and which of these runs are deleted meanwhile."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import directory_of
from tui_trainer.runs.keeping.kept import Kept, read_kept
from tui_trainer.runs.run_info import RunInfo, is_run, read_run_info
from tui_trainer.session.base import OnDisk
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.run_store import RunStore

LOOK_SECONDS = 3.0
"""Seconds between two looks at the folders of the runs."""


def folder_of(store: RunStore, state: RunState) -> Path | None:
    """Return the folder of a run that is shown, None where it is not on this machine.

    A folder may have been copied: its journal tells where the run was trained, which is another folder.
    """
    session, started = store.session, state.started
    folder = session.folder(state.run) if isinstance(session, OnDisk) else None
    if folder is None and started is not None and started.path and started.host == platform.node():
        folder = Path(started.path)
    return folder


def info_of(store: RunStore, state: RunState) -> RunInfo:
    """Return a run that is shown as its folder tells of it now.

    Raises:
        UserError: the folder is not on this machine, or is gone.
    """
    folder = folder_of(store, state)
    if folder is None or not is_run(folder):
        raise UserError("the folder of this run is not on this machine, or is gone")
    return read_run_info(folder, directory_of(folder))


def _look_at(folder: Path) -> Kept | None:
    """Return what a user gave the run in a folder; None where it is gone from a directory that can be read."""
    return None if not is_run(folder) and directory_of(folder).is_dir() else read_kept(folder)


class KeptRuns:
    """The names that a user gave the runs on the screen: read in a thread, now and then and after a change here."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        """Names of runs whose folder is gone."""
        self._kept: dict[str, Kept] = {}
        self._read: set[str] = set()
        """Names of runs that were read, or have no folder on this machine."""
        self._call: BackgroundCall[Mapping[str, Kept | None]] | None = None
        self._looked_at = 0.0

    def look(self, store: RunStore) -> bool:
        """Begin to read, or take what was read. Returns whether a name has changed."""
        if self._call is not None and self._call.done:
            read, self._call = self._call.result(), None
            self._kept.update((run, kept) for run, kept in read.items() if kept is not None)
            self.gone |= {
                run for run, kept in read.items() if kept is None and run in store.states and store.states[run].over
            }
        changed = self._give_names(store)
        if monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = monotonic()
            self._read.clear()  # another program may have renamed or deleted some
        if self._call is None and not store.states.keys() <= self._read:
            missing = {run: state for run, state in store.states.items() if run not in self._read and state.started}
            folders = {run: folder for run, state in missing.items() if (folder := folder_of(store, state)) is not None}
            self._read |= missing.keys()
            if folders:
                self._call = BackgroundCall(lambda: {run: _look_at(folder) for run, folder in folders.items()})
        return changed

    def _give_names(self, store: RunStore) -> bool:
        """Give each run its names. Returns whether one of them had other ones."""
        changed = False
        for run, kept in self._kept.items():
            state = store.states.get(run)
            if state is not None and (state.given_name, state.given_set) != (kept.name, kept.group):
                state.given_name, state.given_set = kept.name, kept.group
                changed = True
        return changed

    def look_again(self, store: RunStore, state: RunState) -> None:
        """Have all names read again after a run was renamed or deleted: a set has its name in each of its runs."""
        folder = folder_of(store, state)
        if folder is not None and not is_run(folder):
            self.gone.add(state.run)
        self._read.clear()
