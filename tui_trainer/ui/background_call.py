"""Run a slow function in a thread while the screen goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Generic, TypeVar

from tui_trainer.errors import UserError

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


class NamedCall(BackgroundCall[Result]):
    """A call that the user waits for.

    Args:
        function: the function.
        name: what it is about, such as the name of a run.
        doing: what happens to it, such as "opening".
        failed: what has failed where it raises an error that has no words for the user, such as "could not be opened".
    """

    def __init__(self, function: Callable[[], Result], name: str, doing: str, failed: str) -> None:
        self._name, self._doing, self._failed = name, doing, failed
        self._since = monotonic()
        super().__init__(function)

    def progress(self, spinner: Sequence[str]) -> str:
        """Return what is happening, in one line."""
        seconds = monotonic() - self._since
        return f"{spinner[int(seconds * 5) % len(spinner)]} {self._doing} {self._name} {seconds:.0f} s"

    def result(self) -> Result:
        """Return the result.

        Raises:
            UserError: the function failed.
        """
        try:
            return super().result()
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{self._name} {self._failed}: {type(error).__name__}: {error}") from error
