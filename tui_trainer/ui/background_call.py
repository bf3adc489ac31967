"""Run a slow function in a thread while the screen goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class BackgroundCall(Generic[Result]):
    """Runs a function, which may wait for a disk or a new process, in a daemon thread; a timer checks `done`.

    Not a Textual worker: its thread is joined at exit, so that a slow disk would hold the exit.
    """

    def __init__(self, function: Callable[[], Result]) -> None:
        self._function = function
        self._result: list[Result] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="background-call", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result.append(self._function())
        except Exception as error:  # noqa: BLE001 - raised again by `result`
            self._error = error

    @property
    def done(self) -> bool:
        """Whether the function has returned or raised."""
        return bool(self._result) or self._error is not None

    def result(self) -> Result:
        """Return what the function returned, or raise what it raised. Only valid once `done`."""
        if self._error is not None:
            raise self._error
        return self._result[0]
