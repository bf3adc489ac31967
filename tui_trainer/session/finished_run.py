"""A session with a run directory: a finished run, or a run whose host cannot be reached from here."""

from __future__ import annotations

import math
from pathlib import Path
from time import perf_counter
from typing import Literal

from tui_trainer.distributed.files import read_ended
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.runs.journal import Follower
from tui_trainer.runs.loading.background_load import MIN_BYTES, BackgroundLoader
from tui_trainer.runs.loading.sampled_load import sampled_load
from tui_trainer.runs.loading.state_cache import read_state_cache
from tui_trainer.runs.run_dir import RunDir
from tui_trainer.session.base import Greeting, Message, Notice
from tui_trainer.session.exit_reason import exit_reason, memory_kills
from tui_trainer.state.run_state import RunState

BUDGET = 0.25
"""Seconds that one drain may take, so that the screen responds while a long journal is read."""
CHUNK = 1 << 18
"""Bytes of the journal that are read at a time."""
PROGRESS_SECONDS = 0.5
"""Seconds between two greetings that report the progress of a background load."""
OWNER_SECONDS = 1.0
"""Seconds between two checks whether a host still holds a run that has not ended."""


class JournalSession:
    """Reads the journal of one run, then follows it for as long as it grows.

        first drain:  start from the cached state, or from a sampled one while a subprocess loads the journal
        while behind: fold for BUDGET seconds, then greet the viewer with the state so far
        afterwards:   pass on new events; report once if the run has not ended and no host holds it

    While the past is read the viewer receives states, not events: it need not fold what is over one by one.
    `tui_trainer.runs.loading` explains the stages.

    Args:
        folder: the run directory.
        loader: a background load that was started before there was a screen.
    """

    kind: Literal["finished"] = "finished"
    can_steer = False

    def __init__(self, folder: Path, loader: BackgroundLoader | None = None) -> None:
        self._folder = folder
        self._loader = loader
        self._done_loader: BackgroundLoader | None = None
        """A loader that has delivered its state: its process may still be writing the cache."""
        self._progress_at = -math.inf
        self._follower = Follower(folder / "events.jsonl")
        self._state = RunState.blank(run=folder.name)
        self._begun = self._caught_up = False
        self._skipped = 0
        self._messages: list[Message] = []
        self._failed = False
        self._owner_checked_at = 0.0

    def drain(self) -> list[Message]:
        """Return what has been read since the last call."""
        messages, self._messages = self._messages, []
        if self._failed:
            return messages
        try:
            messages += self._follow() if self._caught_up else self._catch_up()
        except OSError as error:
            self._failed = True
            messages.append(Notice(f"{self._folder}: {error.strerror}", fatal=True))
        if self._caught_up and not self._failed and perf_counter() - self._owner_checked_at >= OWNER_SECONDS:
            self._owner_checked_at = perf_counter()
            messages += self._report_lost_host()
        if self._follower.skipped > self._skipped:
            new, self._skipped = self._follower.skipped - self._skipped, self._follower.skipped
            messages.append(Notice(f"skipped {new} damaged line{'s' if new > 1 else ''} of events.jsonl"))
        return messages

    def _report_lost_host(self) -> list[Message]:
        """Report once that the run has not ended and that no host holds it any more."""
        if self._state.over or not self._state.seq or RunDir(self._folder).owner() is not None:
            return []
        self._owner_checked_at = math.inf
        reason = read_ended(self._folder) or exit_reason(None, memory_kills(), [self._folder / "host.log"])
        return [Notice(f"ended at step {self._state.step:,}: {reason}", folders=(str(self._folder),))]

    def _catch_up(self) -> list[Message]:
        deadline = perf_counter() + BUDGET
        if not self._begun:
            self._begun = True
            self._begin()
        if self._loader is not None and not self._loaded(self._loader):
            return self._progress(self._loader)
        while perf_counter() < deadline:
            events = self._follower.read(CHUNK)
            self._state.apply(*events)
            if not events and self._follower.at_end():
                self._caught_up = True
                break
        return [Greeting((self._state,), 1.0 if self._caught_up else self._fraction(self._follower.offset))]

    def _begin(self) -> None:
        """Start from the cached state; for a long journal without one, from a coarse state and a background load."""
        journal = self._follower.path
        if self._loader is None:
            cached = read_state_cache(journal)
            if cached is not None:
                self._state, self._follower.offset = cached
            elif journal.stat().st_size >= MIN_BYTES:
                self._loader = _start_loader(journal)
        if self._loader is not None:
            self._state = sampled_load(journal)
            self._state.run = self._state.run or self._folder.name

    def _loaded(self, loader: BackgroundLoader) -> bool:
        """Take the loader's state. Returns False while it is loading; after a failure the journal is read here."""
        loaded = loader.poll()
        if loaded is None and not loader.failed:
            return False
        self._done_loader, self._loader = loader, None
        self._state = RunState.blank(run=self._folder.name) if loaded is None else loaded.state
        if loaded is not None:
            self._follower.offset, self._follower.skipped = loaded.offset, loaded.skipped
        return True

    def _progress(self, loader: BackgroundLoader) -> list[Message]:
        if perf_counter() - self._progress_at < PROGRESS_SECONDS:
            return []
        self._progress_at = perf_counter()
        return [Greeting((self._state,), self._fraction(loader.offset))]

    def _fraction(self, offset: int) -> float:
        """Return the fraction of the journal before a byte, less than 1."""
        return min(offset / max(self._follower.path.stat().st_size, 1), 0.99)

    def _follow(self) -> list[Message]:
        events = self._follower.read(CHUNK)
        if not self._follower.cut:
            return list(events)
        # A host resumed the run from a checkpoint and cut the journal back to it: read it again from the start.
        self._follower, self._state = Follower(self._follower.path), RunState.blank(run=self._folder.name)
        self._caught_up, self._skipped, self._owner_checked_at = False, 0, 0.0
        return self._catch_up()

    def folder(self, run: str) -> Path | None:
        """Return the run directory, None for a run of another name."""
        return self._folder if run == self._state.run else None

    def send(self, command: AnyCommand) -> None:
        """Refuse the command: no host is connected."""
        reason = "the run is over" if self._state.over else "this run can be watched from here, but not steered"
        self._messages.append(ev.Refused(reason=reason, cause=command))

    def close(self) -> None:
        """End the background loads."""
        for loader in (self._loader, self._done_loader):
            if loader is not None:
                loader.close()
        self._loader = self._done_loader = None


def _start_loader(journal: Path) -> BackgroundLoader | None:
    """Start a background load. Returns None where no process can be started."""
    try:
        return BackgroundLoader(journal)
    except OSError:
        return None
