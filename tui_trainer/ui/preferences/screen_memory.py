"""The memory of the screen: read once at its start, and written by a thread, so that no key waits for a disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from time import monotonic

from tui_trainer.ui.preferences.screen_state import ProjectState, ScreenState, load, update

SAVE_AFTER = 1.0
"""Seconds from a change to its saving: several keys in a row are saved once."""
CLOSING_SECONDS = 1.0
"""Most seconds that leaving the screen waits for the last saving."""

Change = Callable[[ScreenState], ScreenState]


class ScreenMemory:
    """The remembered state, and the changes that are still to be written.

    Args:
        path: the state file; None keeps everything in memory only.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.state, self._unusable = load(path)
        self._changes: list[Change] = []
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def problem(self) -> str:
        """Return why the file could not be used, in one line, empty where it could; only the first call does."""
        unusable, self._unusable = self._unusable, None
        if unusable is None or self._path is None:
            return ""
        end = "nothing is remembered" if unusable.later else "starting from the defaults"
        return f"{self._path}: {unusable}; {end}"

    def project(self, folder: str) -> ProjectState | None:
        """Return the remembered view of a runs directory."""
        return self.state.projects.get(folder)

    def remember(self, folder: str, changes: ProjectState, before: ProjectState) -> None:
        """Remember what differs between two views of a runs directory. The rest stays as another screen left it."""
        changed = {
            known.name: getattr(changes, known.name)
            for known in fields(ProjectState)
            if getattr(changes, known.name) != getattr(before, known.name)
        }
        self._change(
            lambda state: state.with_project(folder, replace(state.projects.get(folder, ProjectState()), **changed))
        )

    def remember_theme(self, theme: str, over: str) -> None:
        """Remember a theme that was chosen while the settings named another one."""
        self._change(lambda state: replace(state, theme=theme, theme_over=over))

    def theme(self, setting: str) -> str:
        """Return the chosen theme, empty where there is none or the setting has been changed since."""
        return self.state.theme if self.state.theme_over == setting else ""

    def _change(self, change: Change) -> None:
        self.state = change(self.state)
        if self._path is not None:
            self._due = self._due if self._changes else monotonic() + SAVE_AFTER
            self._changes.append(change)

    def tick(self, now: float) -> None:
        """Begin to write the changes that have waited long enough."""
        if self._changes and now >= self._due and not self._saving:
            self._save()

    @property
    def _saving(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _save(self) -> None:
        path, changes = self._path, self._changes
        self._changes = []

        def all_changes(state: ScreenState) -> ScreenState:
            for change in changes:
                state = change(state)
            return state

        if path is not None:
            # A daemon thread: a disk that hangs must not hold the exit.
            self._thread = threading.Thread(target=update, args=(path, all_changes), name="screen-state", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Write what is left, and wait a moment for it."""
        latest = monotonic() + CLOSING_SECONDS
        for _ in range(2):
            if self._thread is not None:
                self._thread.join(max(latest - monotonic(), 0.0))
            if self._changes and not self._saving:
                self._save()
