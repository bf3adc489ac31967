"""The beat: a few times a second rank 0 decides what happens at this step on all ranks, and when the next beat is.

One beat is two small messages: numbers of each rank go to rank 0 (`Report`), its decision comes back (`Decision`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from time import perf_counter
from typing import Any

from tui_trainer.engine.ranks.channel import Channel

PERIOD = 0.22
"""Seconds between two beats that rank 0 aims at."""
MOST = 1 << 12
"""Most steps between two beats: the buffer of the recorder holds as many."""
GROWTH = 2
"""Factor by which the distance of beats grows at most: a step that was fast once need not stay so."""


@dataclass(slots=True)
class Report:
    """Numbers of one rank since the last beat.

    Attributes:
        step: steps that it has taken, which have to be those of the others.
        signals: requests to stop that it has received from the system.
        steps: steps since the last beat.
        own: seconds of own work in them, without reading data.
        waited: seconds in which it waited for the gradients of others.
        input: seconds in which it waited for its data.
        memory: bytes of memory of the process.
    """

    step: float = 0
    signals: float = 0
    steps: float = 0
    own: float = 0
    waited: float = 0
    input: float = 0
    memory: float = 0

    def numbers(self) -> list[float]:
        """Return the numbers in the order of the attributes."""
        return [float(getattr(self, each.name)) for each in fields(self)]


@dataclass(slots=True)
class Decision:
    """The word of rank 0 to all ranks.

    Attributes:
        commands: commands that take effect now.
        steps: steps until the next beat, where no validation comes between.
        rounds: the same in parts of a validation.
        saves: whether a save is due by time.
    """

    commands: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    steps: int = 1
    rounds: int = 1
    saves: bool = False

    def encode(self) -> bytes:
        """Return the decision as a message."""
        return json.dumps([self.commands, self.steps, self.rounds, self.saves]).encode()

    @classmethod
    def decode(cls, message: bytes) -> Decision:
        """Return the decision in a message."""
        return cls(*json.loads(message))


class BeatDistance:
    """Chooses the distance to the next beat from the time that steps, or parts of a validation, take."""

    def __init__(self) -> None:
        self.distance = 1
        self._count = 0
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one step that took so long."""
        self._count += 1
        self._seconds += seconds

    def next(self) -> int:
        """Return the distance to the next beat, and start over."""
        if self._count:
            fitting = int(PERIOD * self._count / max(self._seconds, 1e-9))
            self.distance = max(1, min(fitting, GROWTH * self.distance, MOST))
            self._count, self._seconds = 0, 0.0
        return self.distance


class Beat:
    """Counts steps down to the next beat, and takes it.

    Args:
        channel: the other ranks.
        decide: called on rank 0 with the numbers of all ranks; returns the commands that take effect now, and whether
            a save is due.
    """

    def __init__(self, channel: Channel, decide: Callable[[list[Report]], tuple[list[dict[str, Any]], bool]]) -> None:
        self._channel = channel
        self._decide = decide
        self._steps, self._rounds = BeatDistance(), BeatDistance()
        self.decision = Decision()
        """The word of the last beat."""
        self._passed = 0.0
        """Share of the way to the next beat; the same arithmetic on every rank."""
        self._at = perf_counter()
        self.count = 0
        """Beats so far."""

    def step_done(self) -> bool:
        """Count a step. Returns whether the next beat is due."""
        return self._done(self._steps, self.decision.steps)

    def round_done(self) -> bool:
        """Count a part of a validation. Returns whether the next beat is due."""
        return self._done(self._rounds, self.decision.rounds)

    def _done(self, pace: BeatDistance, distance: int) -> bool:
        now = perf_counter()
        pace.add(now - self._at)
        self._at = now
        self._passed += 1 / distance
        return self._passed >= 1 - 1e-9

    def take(self, report: Report) -> Decision:
        """Take the beat: every rank calls this at the same step."""
        rows = self._channel.gather(report.numbers())
        message = b""
        if self._channel.rank == 0:
            commands, saves = self._decide([Report(*row) for row in rows])
            message = Decision(commands, self._steps.next(), self._rounds.next(), saves).encode()
        self.decision = Decision.decode(self._channel.broadcast(message))
        self._passed = 0.0
        self._at = perf_counter()
        self.count += 1
        return self.decision
