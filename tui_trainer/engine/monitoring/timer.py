"""Seconds of training."""

from __future__ import annotations

from time import perf_counter


class Timer:
    """Seconds of training, without pauses and without the time of other runs in the same thread."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._since: float | None = None

    def start(self) -> None:
        """Count on."""
        if self._since is None:
            self._since = perf_counter()

    def stop(self) -> None:
        """Stop counting until the next `start`."""
        if self._since is not None:
            self._before += perf_counter() - self._since
            self._since = None

    def set(self, seconds: float) -> None:
        """Continue from this number of seconds."""
        self._before = seconds
        self._since = perf_counter() if self._since is not None else None

    def read(self) -> float:
        """Seconds so far."""
        return self.at(perf_counter())

    def at(self, now: float) -> float:
        """Seconds at a moment of `perf_counter`, since the last `start` or `stop`."""
        return self._before if self._since is None else self._before + (now - self._since)
