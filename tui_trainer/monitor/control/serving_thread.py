"""The thread of a script that serves viewers and writes the journal, while another one trains."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.serving import Serving
from tui_trainer.monitor.parts.kept import device_memory
from tui_trainer.monitor.parts.saving_trouble import SavingTrouble
from tui_trainer.monitor.relay import Relay
from tui_trainer.runs.run_dir import RunDir

TICK = 0.2
"""Seconds between two turns: each takes the interpreter from the loop for a moment."""
MEASURE_SECONDS = 1.0
"""Seconds between two measurements of memory and CPU, and between two checks of the run folder."""
LEAVE_SECONDS = 1.0
"""Seconds that viewers have to receive the end of the run: the script waits no longer for them."""


class ServingThread:
    """Takes the turns of the serving side of one run.

    Args:
        name, folder: those of the run.
        serving: bus and socket of the run.
        measured: called about once a second.
    """

    def __init__(
        self, name: str, folder: RunDir, serving: Serving | Relay, measured: Callable[[], None] = lambda: None
    ) -> None:
        self._measured = measured
        self._name, self._folder, self._serving = name, folder, serving
        self._closing = threading.Event()
        self._saving = SavingTrouble()
        if isinstance(serving.bus, EventBus):
            serving.bus.subscribe(self._saving, lambda _states: None)
        self._thread = threading.Thread(target=self._serve, name="tui-trainer", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._serving.register()
        measured = 0.0
        while not self._closing.is_set():
            self._turn(TICK)
            if monotonic() - measured >= MEASURE_SECONDS:
                measured = monotonic()
                self._measure()
        self._serving.close(self._turn, LEAVE_SECONDS)
        self._folder.release()
        self._serving.release()

    def _turn(self, timeout: float) -> None:
        self._serving.wait(timeout)
        self._serving.send()

    def _measure(self) -> None:
        try:
            self._serving.measure([self._name], device_memory())
            self._folder.claim()
        except OSError:
            pass  # the journal and the next save say it
        self._serving.bus.check_journals()
        self._saving.say()
        self._measured()

    def leave(self) -> None:
        """Send viewers the rest, close journal and socket, and unlock the folder."""
        self._closing.set()
        self._serving.wake()
        for _ in range(15):  # in parts: a process that was stopped meanwhile still has the others
            self._thread.join((LEAVE_SECONDS + 2) / 15)
        self._saving.say()
