"""The names that a user gave the runs on the screen, and which of these runs are deleted meanwhile."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import directory_of
from tui_trainer.runs.keeping.kept import NOTHING, Kept, read_kept
from tui_trainer.runs.label import short_name
from tui_trainer.runs.run_info import RunInfo, is_run, read_run_info
from tui_trainer.session.base import OnDisk
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.panels.progress import short_name_of, variant_of
from tui_trainer.ui.run_store import RunStore


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


class KeptRuns:
    """The names that a user gave the runs on the screen; read in a thread when they appear and after a change here."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        """Names of runs that were deleted on this screen."""
        self._kept: dict[str, Kept] = {}
        self._read: set[str] = set()
        """Names of runs that were read, or have no folder on this machine."""
        self._call: BackgroundCall[Mapping[str, Kept]] | None = None

    def look(self, store: RunStore) -> bool:
        """Begin to read, or take what was read. Returns whether a name has changed."""
        if self._call is not None and self._call.done:
            before, read = self._kept, self._call.result()
            named = {run: kept for run, kept in {**before, **read}.items() if kept.name or kept.group}
            self._kept, self._call = named, None
            if self._kept != before:
                return True
        if self._call is None and len(self._read) < len(store.states):
            missing = {run: state for run, state in store.states.items() if run not in self._read and state.started}
            folders = {run: folder for run, state in missing.items() if (folder := folder_of(store, state)) is not None}
            self._read |= missing.keys()
            if folders:
                self._call = BackgroundCall(lambda: {run: read_kept(folder) for run, folder in folders.items()})
        return False

    def look_again(self, store: RunStore, state: RunState) -> None:
        """Have all names read again after a run was renamed or deleted: a set has its name in each of its runs."""
        folder = folder_of(store, state)
        if folder is not None and not is_run(folder):
            self.gone.add(state.run)
        self._read.clear()

    def set_name(self, state: RunState) -> str:
        """Return the short name of the set of a run."""
        return visible(self._of(state).group or short_name(state.run.partition("/")[0]))

    def variant(self, state: RunState) -> str:
        """Return the name of a run within its set."""
        return visible(self._of(state).name) or variant_of(state)

    def name(self, state: RunState) -> str:
        """Return the short name of a run, `set/variant` for one of a set."""
        kept = self._of(state)
        if not (kept.name or kept.group):
            return short_name_of(state)
        return f"{self.set_name(state)}/{self.variant(state)}" if "/" in state.run else self.variant(state)

    def _of(self, state: RunState) -> Kept:
        return self._kept.get(state.run, NOTHING)
