"""Stands for folder, bus and server of a run on a rank that is not the first: nothing is written or served there."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.runs.run_dir import Owner, RunDir

MAX_NOTES = 20
"""Lines for rank 0 that wait for the next beat."""
SECONDS = 1.0
"""Seconds between two turns."""


class SilentFolder(RunDir):
    """The folder of a run that rank 0 holds."""

    def create(self, config: str, about: dict[str, Any], owner: Owner) -> None:
        """Do nothing: rank 0 has made the folder."""

    def hold(self, owner: Owner) -> None:
        """Do nothing: rank 0 holds the folder."""

    def remember(self) -> None:
        """Do nothing: rank 0 writes the files."""

    def claim(self) -> None:
        """Do nothing: rank 0 looks after the folder."""

    def release(self) -> None:
        """Do nothing: the lock is that of rank 0."""


class SilentHost:
    """Takes events, and keeps what rank 0 has to be told of them.

    Args:
        path: the folder of the run.
    """

    def __init__(self, path: Path) -> None:
        self.folder = SilentFolder(path)
        self.bus = self
        self.path = path
        self._notes: deque[dict[str, str]] = deque(maxlen=MAX_NOTES)
        self._woken = threading.Event()

    def publish(self, name: str, event: ev.AnyEvent) -> None:
        """Keep what this rank refused or could not write: the others do not know of it."""
        del name
        if isinstance(event, ev.Refused) and event.cause is not None:
            self._notes.append({"id": event.cause.id, "said": f"{event.cause.cli_names()[0]}: {event.reason}"})
        elif isinstance(event, ev.SavingFailed) and event.error:
            self._notes.append({"id": "", "said": f"{event.what} cannot be written: {event.error}"})

    def take_notes(self) -> list[dict[str, str]]:
        """Return what rank 0 has to be told, once."""
        notes = list(self._notes)
        self._notes.clear()
        return notes

    def serve(self, submit: Callable[[AnyCommand], str | None]) -> SilentHost:
        """Take no commands: they come from rank 0."""
        del submit
        return self

    def stepped(self, step: int) -> None:
        """Do nothing."""

    def sync(self) -> None:
        """Do nothing."""

    def add_run(self, name: str) -> None:
        """Do nothing."""

    def sync_journal(self, name: str) -> dict[str, int]:
        """Return no length: rank 0 has the journal."""
        del name
        return {"bytes": 0, "seq": 0}

    def check_journals(self) -> None:
        """Do nothing."""

    def register(self) -> None:
        """Do nothing."""

    def wake(self) -> None:
        """Take the next turn now."""
        self._woken.set()

    def wait(self, timeout: float) -> None:
        """Wait for the next turn."""
        self._woken.wait(max(timeout, SECONDS) if timeout else 0)
        self._woken.clear()

    def send(self) -> None:
        """Do nothing."""

    def measure(self, runs: Sequence[str], device_memory: int) -> None:
        """Do nothing: the memory goes with the beat."""

    def list_runs(self, runs: Sequence[Any], *, starting: bool = False) -> None:
        """Do nothing."""

    def close(self, turn: Callable[[float], None], seconds: float = 0.0) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""
