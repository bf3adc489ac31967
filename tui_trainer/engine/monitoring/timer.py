"""Seconds of training."""

from __future__ import annotations

from time import perf_counter


class Timer:
    """Seconds of training, without pauses and without the time of other runs in the same thread."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.before = seconds
        """Seconds until the last `start` or `stop`."""
        self.since: float | None = None
        """The moment of the last `start`; None while it is stopped."""

    def start(self) -> None:
        """Count on."""
        if self.since is None:
            self.since = perf_counter()

    def stop(self) -> None:
        """Stop counting until the next `start`."""
        if self.since is not None:
            self.before += perf_counter() - self.since
            self.since = None

    def set(self, seconds: float) -> None:
        """Continue from this number of seconds."""
        self.before = seconds
        self.since = perf_counter() if self.since is not None else None

    def read(self) -> float:
        """Seconds so far."""
        return self.before if self.since is None else self.before + (perf_counter() - self.since)

    def at(self, now: float) -> float:
        """Seconds at a moment of `perf_counter`, since the last `start` or `stop`."""
        return self.before if self.since is None else self.before + (now - self.since)
