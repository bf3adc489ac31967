"""The lesson that is opened after the one on a teacher's screen: found in the runs directory, and joined."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import monotonic

from tui_trainer.config.toml import read_toml
from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import RunIndex, RunInfo, directory_of
from tui_trainer.session.base import Session
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.run_store import RunStore

EVERY = 1.0
"""Seconds between two looks at the runs directory, once the runs on the screen have ended."""


class NextLesson:
    """Looks for a newer live lesson beside runs that have ended, in a thread."""

    def __init__(self) -> None:
        self._index: RunIndex | None = None
        self._call: BackgroundCall[Session | None] | None = None
        self._due = 0.0

    def poll(self, store: RunStore) -> Session | None:
        """Return a session with the next lesson once, None while there is none or the present runs still train."""
        if self._call is not None:
            if not self._call.done:
                return None
            call, self._call = self._call, None
            try:
                return call.result()
            except (UserError, OSError):
                return None
        paths = [state.started.path for state in store.states.values() if state.started is not None]
        now = monotonic()
        if now >= self._due and paths and (store.over or not store.connected):
            self._due = now + EVERY
            self._call = BackgroundCall(partial(self._session, paths))
        return None

    def _session(self, paths: list[str]) -> Session | None:
        from tui_trainer.session.connect import join

        folder = Path(paths[0])
        if not folder.is_dir():  # on another machine
            return None
        if self._index is None:
            self._index = RunIndex(directory_of(folder))
        info = newer_lesson(self._index.refresh(), paths)
        return join(info, can_steer=False) if info is not None else None


def newer_lesson(runs: list[RunInfo], paths: list[str]) -> RunInfo | None:
    """Return the newest live run of a lesson that began after the runs at these paths; None without one."""
    began = max((info.started for info in runs if info.path in paths), default="")
    later = [info for info in runs if info.live and not info.starting and info.path not in paths]
    later = [info for info in later if info.started > began and _is_lesson(info)]
    return max(later, key=lambda info: info.started, default=None)


def _is_lesson(info: RunInfo) -> bool:
    try:
        return "lesson" in read_toml(Path(info.path) / "run.toml")
    except UserError:
        return False
