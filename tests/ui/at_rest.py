"""Waiting until an app only waits itself, in place of the guess that Textual's pilot makes.

`Pilot.pause` takes an app for idle where its process uses little processor time. On a busy machine it gets little
anyway, and the pilot returns with messages on their way, a layout that is still to be made, or a blank screen.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from textual.pilot import Pilot

from tui_trainer.ui.terminal.key_queue import has_drawing_left, has_ready_callbacks

SECONDS = 120.0
"""Seconds that an app may take to come to rest on a busy machine."""

DRAWING_SECONDS = 3.0
"""Seconds of nothing but drawing after which it is not waited for: at a size such as 1x2 a layout may go back and
forth between two heights of a scroll bar, with each frame."""
TURN = 0.001
"""Seconds between two looks while keys are on their way."""


async def come_to_rest(pilot: Pilot[Any]) -> None:
    """Wait until no message is on its way, and every layout, change and callback after a drawing is done."""
    app, loop = pilot.app, asyncio.get_running_loop()
    deadline, settled = time.monotonic() + SECONDS, time.monotonic() + DRAWING_SECONDS
    while app.is_running and app.screen_stack and not app._exit and app._exception is None:
        # A key waits until nothing is ready, and a turn that is asked for at once always is.
        await asyncio.sleep(TURN if getattr(getattr(app, "_key_queue", None), "busy", False) else 0)
        if not has_ready_callbacks(loop):
            if not app.screen_stack or not has_drawing_left(app.screen) or time.monotonic() > settled:
                return
            app.screen._on_timer_update()  # now: a timer would do it within a sixtieth of a second
        assert time.monotonic() < deadline, "the app does not come to rest"


def make_pilots_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every pilot wait for rest, at its start and after each key, click and pause."""
    wait_for_screen, pause = Pilot._wait_for_screen, Pilot.pause

    async def patient_wait_for_screen(self: Pilot[Any], timeout: float = SECONDS) -> bool:
        done = await wait_for_screen(self, timeout)
        await come_to_rest(self)
        return done

    async def patient_pause(self: Pilot[Any], delay: float | None = None) -> None:
        await pause(self, delay)
        await come_to_rest(self)

    monkeypatch.setattr(Pilot, "_wait_for_screen", patient_wait_for_screen)
    monkeypatch.setattr(Pilot, "pause", patient_pause)
