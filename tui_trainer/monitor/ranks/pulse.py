"""The pulse of a rank: where its loop stands, once a second, so that others know whether to wait for it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

import psutil

STALE_SECONDS = 60.0
"""Age of the pulse of a rank on another machine, of which nothing else tells that it lives."""
PATIENCE = 1800.0
"""Seconds after which a rank is not waited for any more, though it lives: as long as torch waits in a collective of its
own (`default_pg_timeout`). An evaluation on rank 0 alone may take a while."""


@dataclass(slots=True)
class Pulse:
    """The place that the loop of a rank has reached.

    Attributes:
        pid, host: its process.
        step: steps that it has taken.
        batches: batches that it was given.
        loops: loops over a loader that it has ended.
        left: whether it has left the run.
        error: the error with which it left; empty where it left in order.
        lost: whether that was the failure of a call to the other ranks.
        beats: changes with each pulse.
    """

    pid: int
    host: str
    step: int = 0
    batches: int = 0
    loops: int = 0
    left: bool = False
    error: str = ""
    lost: bool = False
    beats: int = 0


class Pulses:
    """The pulses of all ranks.

    Args:
        store: the store of the run.
        rank, size: this process, and how many there are.
    """

    def __init__(self, store: Any, rank: int, size: int) -> None:
        self._store = store
        self.rank, self.size = rank, size
        self.mine = Pulse(os.getpid(), socket.gethostname())
        self._lock = threading.Lock()
        self._seen: dict[int, tuple[int, float]] = {}
        """The number of the last pulse of each rank, and when it was new."""
        self.at_end = False
        """Whether this rank waits at the end of its loop."""

    def tell(self) -> None:
        """Let the others know where this rank stands."""
        with self._lock, contextlib.suppress(RuntimeError):
            self.mine.beats += 1
            self._store.set(f"pulse/{self.rank}", json.dumps(asdict(self.mine)).encode())

    def leave(self, error: str = "", *, lost: bool = False) -> None:
        """Let the others know that this rank has left the run."""
        self.mine.left, self.mine.error, self.mine.lost = True, error[:500], lost
        self.tell()

    def read(self, rank: int) -> Pulse | None:
        """Return the newest pulse of a rank; None where there is none."""
        try:
            if not self._store.check([f"pulse/{rank}"]):
                return None
            pulse = Pulse(**json.loads(self._store.get(f"pulse/{rank}")))
        except (RuntimeError, ValueError, TypeError):
            return None
        if self._seen.get(rank, (-1, 0.0))[0] != pulse.beats:
            self._seen[rank] = pulse.beats, monotonic()
        return pulse

    def missing(self, ranks: Sequence[int], seconds: float) -> str:
        """Return why these ranks do not come to a meeting; empty while they may."""
        for rank in ranks:
            if reason := self._absence(rank, self.read(rank), seconds):
                return reason
        return ""

    def _absence(self, rank: int, pulse: Pulse | None, seconds: float) -> str:
        mine = self.mine
        if pulse is None:
            return f"rank {rank} has made no Monitor" if seconds > STALE_SECONDS else ""
        if gone := self.gone(rank, pulse):
            return gone
        if pulse.left:
            return f"rank {rank} has left its loop at step {pulse.step:,}, this one is at step {mine.step:,}"
        if self.at_end and pulse.batches > mine.batches:
            return f"uneven steps: rank {rank} has another batch after step {pulse.step:,}, rank {self.rank} has none"
        if not self.at_end and pulse.loops > mine.loops and pulse.step < mine.step:
            return f"uneven steps: rank {rank} has no batch after step {pulse.step:,}, rank {self.rank} has more"
        if seconds > PATIENCE:
            return f"rank {rank} did not come within {PATIENCE:.0f} s: it stands at step {pulse.step:,}"
        return ""

    def gone(self, rank: int, pulse: Pulse) -> str:
        """Return in words that a rank has failed or was killed; empty where it lives, or has left in order."""
        if pulse.left:
            return f"rank {rank} failed: {pulse.error}" if pulse.error and not pulse.lost else ""
        if pulse.host != self.mine.host:
            stale = monotonic() - self._seen[rank][1]
            return f"rank {rank} on {pulse.host} has not answered for {stale:.0f} s" if stale > STALE_SECONDS else ""
        try:
            if psutil.Process(pulse.pid).status() != psutil.STATUS_ZOMBIE:
                return ""
        except psutil.Error:
            pass
        return f"rank {rank} is gone without a word: it was killed (SIGKILL), or its process crashed"

    def lost(self) -> str:
        """Return which ranks have failed or were killed; empty while all others live or have left in order."""
        found = [
            gone
            for rank in range(self.size)
            if rank != self.rank and (pulse := self.read(rank)) is not None and (gone := self.gone(rank, pulse))
        ]
        return "; ".join(found[:4])
