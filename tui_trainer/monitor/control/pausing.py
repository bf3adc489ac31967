"""The wait of a paused loop: a signal that is to end the script ends the pause too."""

from __future__ import annotations

import contextlib
import signal
import threading
from functools import partial
from types import FrameType
from typing import Any

from tui_trainer.engine.events.run_events import publish_status
from tui_trainer.engine.train_state import TrainState
from tui_trainer.monitor.services import ScriptServices

ENDING = (signal.SIGTERM, signal.SIGINT)
"""Signals that ask a script to end."""
SECONDS = 1.0
"""Seconds after which a paused loop looks again."""


class Pausing:
    """Waits for commands, and for signals from the moment at which a pause may begin until it is over.

    Libraries take SIGTERM with a handler that makes a note of it for their next batch, and a paused loop has none.
    Meanwhile such a handler is called as before, and then the pause is over.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        """The handlers of the script by signal, while others stand in for them."""
        self._signal = 0
        """The signal that came."""

    def begin(self, wake: threading.Event) -> None:
        """Notice signals from here on, and set `wake` when one comes."""
        if self._before or threading.current_thread() is not threading.main_thread():
            return
        for number in ENDING:
            handler = signal.getsignal(number)
            if callable(handler) and handler is not signal.default_int_handler:
                self._before[number] = handler
                signal.signal(number, partial(self._arrived, wake, handler))

    def _arrived(self, wake: threading.Event, handler: Any, number: int, frame: FrameType | None) -> None:
        self._signal = number
        wake.set()
        handler(number, frame)

    def wait(self, wake: threading.Event, seconds: float = SECONDS) -> bool:
        """Wait for some seconds, or until `wake` is set. Returns True once a signal came that is to end the script."""
        if not self._signal:
            wake.wait(seconds)
            wake.clear()
        return self._signal != 0

    @property
    def came(self) -> bool:
        """Whether a signal came that is to end the script."""
        return self._signal != 0

    def let_go(self, state: TrainState, services: ScriptServices) -> None:
        """End the pause."""
        name = signal.Signals(self._signal).name if self._signal else "a signal"
        self._signal = 0
        state.paused, state.steps_allowed = False, 0
        publish_status(state, services, "running", f"the pause ends: the script was sent {name}")

    def close(self) -> None:
        """Give the signals back to the script, where its own handlers were not replaced meanwhile."""
        for number, handler in self._before.items():
            current = signal.getsignal(number)
            if isinstance(current, partial) and current.func == self._arrived:
                with contextlib.suppress(ValueError):
                    signal.signal(number, handler)
        self._before, self._signal = {}, 0
