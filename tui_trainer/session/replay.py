"""A session with a run folder: a finished run, or one that can be watched and not reached."""

from __future__ import annotations

import math
from pathlib import Path
from time import perf_counter
from typing import Literal

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.state import RunState
from tui_trainer.runs.fold import read_fold
from tui_trainer.runs.folder import RunFolder
from tui_trainer.runs.journal import Follower
from tui_trainer.session.base import Greeting, Message, Notice
from tui_trainer.session.fate import fate, memory_kills

BUDGET = 0.25
"""Seconds that one drain may take: the screen stays alive while a long journal is read, and is not drawn too often."""
CHUNK = 1 << 18
LOOK = 1.0
"""Seconds between two looks whether a host still holds a run that has not ended."""


class ReplaySession:
    """The journal of one run, folded as it is read, then followed for as long as it grows.

    A host leaves beside a long journal what it folds to: then only what came after that is read.

    While the past is read, the viewer is given a fresh state at each drain: events that are long over need not pass
    through it one by one.
    """

    kind: Literal["replay"] = "replay"
    can_steer = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        if self._state.over or not self._state.seq or RunFolder(self._folder).owner() is not None:
            return []
        self._looked = math.inf
        words = fate(None, memory_kills(), [self._folder / "host.log"])
        return [Notice(f"ended at step {self._state.step:,}: {words}", folders=(str(self._folder),))]

    def _catch_up(self) -> list[Message]:
        until = perf_counter() + BUDGET
        if not self._begun:
            self._begun = True
            kept = read_fold(self._follower.path)
            if kept is not None:
                self._state, self._follower.offset = kept
        while perf_counter() < until:
            events = self._follower.read(CHUNK)
            for event in events:
                self._state.apply(event)
            if not events and self._follower.at_end():
                self._caught_up = True
                break
        return [Greeting((self._state,))]

    def _follow(self) -> list[Message]:
        events = self._follower.read(CHUNK)
        if not self._follower.cut:
            return list(events)
        # A host took the run up again from a checkpoint: what came after it in the journal is gone.
        self._follower, self._state = Follower(self._follower.path), RunState(run=self._folder.name)
        self._caught_up, self._skipped, self._looked = False, 0, 0.0
        return self._catch_up()

    def send(self, command: AnyCommand) -> None:
        """Nobody is there to obey."""
        reason = "the run is over" if self._state.over else "this run can be watched and not steered from here"
        self._messages.append(ev.Refused(reason=reason, cause=command))

    def close(self) -> None:
        """Nothing is held."""
