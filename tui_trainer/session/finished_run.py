"""A session with a run folder: a finished run, or one that can be watched and not reached."""

from __future__ import annotations

import math
from pathlib import Path
from time import perf_counter
from typing import Literal

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.runs.journal import Follower
from tui_trainer.runs.loading.background_load import WORTH, BackgroundLoader
from tui_trainer.runs.loading.sampled_load import sampled_load
from tui_trainer.runs.loading.state_cache import read_fold
from tui_trainer.runs.run_dir import RunDir
from tui_trainer.session.base import Greeting, Message, Notice
from tui_trainer.session.exit_reason import exit_reason, memory_kills
from tui_trainer.state.run_state import RunState

BUDGET = 0.25
"""Seconds that one drain may take: the screen stays alive while a long journal is read, and is not drawn too often."""
CHUNK = 1 << 18
SAY = 0.5
"""Seconds between two words on how far another process has read."""
LOOK = 1.0
"""Seconds between two looks whether a host still holds a run that has not ended."""


class JournalSession:
    """The journal of one run, folded as it is read, then followed for as long as it grows.

    A host leaves beside a long journal what it folds to: then only what came after that is read. A long journal without
    that is read by another process; until it is through, the state is a coarse one of lines from all over the journal.

    While the past is read, the viewer is given a fresh state at each drain: events that are long over need not pass
    through it one by one.
    """

    kind: Literal["replay"] = "replay"
    can_steer = False

    def __init__(self, folder: Path, reading: BackgroundLoader | None = None) -> None:
        """A session with a folder; `reading` is under way where somebody began before there was a screen."""
        self._folder = folder
        self._reading = reading
        self._leaving: BackgroundLoader | None = None
        """The other process, once it has said what it found: it may still write that down."""
        self._said = -math.inf
        self._follower = Follower(folder / "events.jsonl")
        self._state = RunState(run=folder.name)
        self._begun = self._caught_up = False
        self._skipped = 0
        self._messages: list[Message] = []
        self._failed = False
        self._looked = 0.0

    def drain(self) -> list[Message]:
        """What has been read since the last call."""
        messages, self._messages = self._messages, []
        if self._failed:
            return messages
        try:
            messages += self._follow() if self._caught_up else self._catch_up()
        except OSError as error:
            self._failed = True
            messages.append(Notice(f"{self._folder}: {error.strerror}", fatal=True))
        if self._caught_up and not self._failed and perf_counter() - self._looked >= LOOK:
            self._looked = perf_counter()
            messages += self._vanished()
        if self._follower.skipped > self._skipped:
            new, self._skipped = self._follower.skipped - self._skipped, self._follower.skipped
            messages.append(Notice(f"{new} altered or torn line{'s' if new > 1 else ''} of the journal skipped"))
        return messages

    def _vanished(self) -> list[Message]:
        """Say once that the run has not ended and that no host holds it any more."""
        if self._state.over or not self._state.seq or RunDir(self._folder).owner() is not None:
            return []
        self._looked = math.inf
        words = exit_reason(None, memory_kills(), [self._folder / "host.log"])
        return [Notice(f"ended at step {self._state.step:,}: {words}", folders=(str(self._folder),))]

    def _catch_up(self) -> list[Message]:
        until = perf_counter() + BUDGET
        if not self._begun:
            self._begun = True
            if self._reading is None:
                kept = read_fold(self._follower.path)
                if kept is not None:
                    self._state, self._follower.offset = kept
                elif self._follower.path.stat().st_size >= WORTH:
                    self._reading = _begin(self._follower.path)
            if self._reading is not None:
                self._state = sampled_load(self._follower.path)
                self._state.run = self._state.run or self._folder.name
        if self._reading is not None and not self._caught_up_elsewhere(self._reading):
            return self._how_far(self._reading)
        while perf_counter() < until:
            events = self._follower.read(CHUNK)
            self._state.apply(*events)
            if not events and self._follower.at_end():
                self._caught_up = True
                break
        return [Greeting((self._state,), 1.0 if self._caught_up else self._share(self._follower.offset))]

    def _caught_up_elsewhere(self, reading: BackgroundLoader) -> bool:
        """Whether the other process is through, or lost: then the journal is read on from where it came to."""
        folded = reading.take()
        if folded is None and not reading.failed:
            return False
        self._leaving, self._reading = reading, None
        self._state = RunState(run=self._folder.name) if folded is None else folded.state
        if folded is not None:
            self._follower.offset, self._follower.skipped = folded.offset, folded.skipped
        return True

    def _how_far(self, reading: BackgroundLoader) -> list[Message]:
        if perf_counter() - self._said < SAY:
            return []
        self._said = perf_counter()
        return [Greeting((self._state,), self._share(reading.offset))]

    def _share(self, offset: int) -> float:
        """How much of the journal lies before a byte, while not all of it has been read."""
        return min(offset / max(self._follower.path.stat().st_size, 1), 0.99)

    def _follow(self) -> list[Message]:
        events = self._follower.read(CHUNK)
        if not self._follower.cut:
            return list(events)
        # A host took the run up again from a checkpoint: what came after it in the journal is gone.
        self._follower, self._state = Follower(self._follower.path), RunState(run=self._folder.name)
        self._caught_up, self._skipped, self._looked = False, 0, 0.0
        return self._catch_up()

    def folder(self, run: str) -> Path | None:
        """The folder that is looked at."""
        return self._folder if run == self._state.run else None

    def send(self, command: AnyCommand) -> None:
        """Nobody is there to obey."""
        reason = "the run is over" if self._state.over else "this run can be watched and not steered from here"
        self._messages.append(ev.Refused(reason=reason, cause=command))

    def close(self) -> None:
        """End what still reads."""
        for reading in (self._reading, self._leaving):
            if reading is not None:
                reading.close()
        self._reading = self._leaving = None


def _begin(journal: Path) -> BackgroundLoader | None:
    """Have another process read; None where none can be started."""
    try:
        return BackgroundLoader(journal)
    except OSError:
        return None
