"""A call that may wait for a disk or a new process, made beside the screen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Errand(Generic[Found]):
    """Runs a function in a daemon thread, which no exit ever waits for; the screen looks in on it from a timer."""

    def __init__(self, call: Callable[[], Found]) -> None:
        self._call = call
        self._result: list[Found] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="errand", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result.append(self._call())
        except Exception as error:  # noqa: BLE001 - it is raised again where the result is asked for
            self._error = error

    @property
    def done(self) -> bool:
        """Whether the call has returned or raised."""
        return bool(self._result) or self._error is not None

    def result(self) -> Found:
        """What the call returned. Raises what it raised; only to be asked for once `done`."""
        if self._error is not None:
            raise self._error
        return self._result[0]
