"""Attacks on a run: each function makes a number of attempts and counts what did not hold."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(slots=True)
class Outcome:
    """The result of an attack."""

    times: int = 0
    failures: list[str] = field(default_factory=list[str])
    note: str = ""
    deadline: ClassVar[float] = math.inf
    """The time of `monotonic` at which every attack ends; the attempts made until then count."""

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() > self.deadline

    def expect(self, holds: object, failure: str) -> None:
        """Record a failure unless the condition holds."""
        if not holds:
            self.failures.append(failure)
