"""Attacks on a run, each a function that tries it so many times and counts what did not hold."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """How an attack went."""

    times: int = 0
    failures: list[str] = field(default_factory=list[str])
    note: str = ""

    def expect(self, holds: object, what: str) -> None:
        """Count a failure where something does not hold."""
        if not holds:
            self.failures.append(what)
