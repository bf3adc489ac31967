"""Run the viewer application and restore the terminal, whatever happens."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_trainer.session.spare.spare_host import SPARE
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.app_result import LOST, AppResult
from tui_trainer.ui.crash_log import one_line, record
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.settings import Settings, settings_path
from tui_trainer.ui.terminal.signals import ending_signals
from tui_trainer.ui.terminal.tty import Rescue

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.session.catalog import Catalog
    from tui_trainer.ui.lecture.tour import LecturePlan

START_SECONDS = 3.0
"""Seconds after which the charts are imported and drawn."""


def run_app(
    session: Session | Callable[[], Session] | None = None,
    *,
    catalogue: Catalog | None = None,
    programme: LecturePlan | None = None,
    settings: Settings | None = None,
    read_only: bool = False,
    theme: str | None = None,
    max_fps: float | None = None,
    tty_fd: int | None = None,
    page: str = "",
) -> AppResult:
    """Run the app until the user leaves it. Never prints, never raises an error of the screen.

    The terminal is drawn on through a copy of `tty_fd`, or of the descriptor of stderr where none is given: a host in
    this process may redirect descriptors 1 and 2 as soon as that copy is made.

    Args:
        session: the session to show, or a function that opens one. The function is called once, in a thread, after the
            first frame has been sent; it may validate, connect and launch, and must not print. Where it raises
            `UserError`, the app closes and the result has the error as `refused` and its exit code; any other error
            ends the app like a crash.
        catalogue: presets and runs for the home screen; with a session too, leaving that one comes back here.
        programme: the lecture, shown in place of the home screen.
        settings: colours, limits and keys.
        read_only: send no commands.
        theme: auto, dark, light or ansi; None for the setting.
        max_fps: most redraws of the charts per second; None for the setting.
        tty_fd: descriptor of the terminal; None for stderr.
        page: the page that is open beside the charts of `session` at first.
    """
    tty_fd = os.dup(2 if tty_fd is None else tty_fd)
    rescue = Rescue(tty_fd)
    settings = settings or Settings()
    path = settings_path()
    memory = ScreenMemory(path.with_name("screen.json") if path is not None else None)
    SPARE.allow(settings.spare_host and getattr(session, "kind", "") != "in-process")
    app = TrainerApp(
        session,
        catalogue=catalogue,
        programme=programme,
        settings=settings,
        read_only=read_only,
        theme=theme,
        max_fps=max_fps,
        tty_fd=tty_fd,
        memory=memory,
        page=page,
    )

    def leave(number: int) -> None:
        loop = app.event_loop
        if loop is not None:
            loop.call_soon_threadsafe(app.leave_at_once, 128 + number, f"ended by {signal.Signals(number).name}")

    # What is imported and built at the start stays: searching all of it for garbage again and again takes 0.1 s.
    gc.disable()
    started = threading.Timer(START_SECONDS, _collect_from_here)
    started.daemon = True
    started.start()
    crash: BaseException | None = None
    try:
        with ending_signals(rescue, leave):
            result = app.run(mouse=settings.mouse)
    except Exception as error:  # noqa: BLE001 - the terminal is restored first; the traceback goes to the log
        result, crash = None, error
    finally:
        started.cancel()
        gc.enable()
        rescue.disarm()
        memory.close()
        SPARE.close()
    result = result or AppResult(app.return_code or 0)
    crash = app.crash or crash
    if crash is not None:
        rescue.restore()
        result = AppResult(LOST, f"the screen failed: {one_line(crash)}; details in {record(crash)}")
    if app.gone or not app.drained:
        # The terminal is not read: printing would fail or block.
        result = AppResult(result.exit_code)
    os.close(tty_fd)
    return result


def _collect_from_here() -> None:
    """Collect garbage again, among what comes from here on."""
    gc.freeze()
    gc.enable()
