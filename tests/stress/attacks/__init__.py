"""Attacks on a run, each a function that tries it so many times and counts what did not hold."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(slots=True)
class Outcome:
    """How an attack went."""

    times: int = 0
    failures: list[str] = field(default_factory=list[str])
    note: str = ""
    deadline: ClassVar[float] = math.inf
    """When every attack ends, of `monotonic`: how often it was tried until then is what counts."""

    @property
    def late(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.deadline

    def expect(self, holds: object, what: str) -> None:
        """Count a failure where something does not hold."""
        if not holds:
            self.failures.append(what)
