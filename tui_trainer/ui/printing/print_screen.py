"""Draw a screen without a terminal, once, and return its lines.

The app runs on Textual's headless driver: no terminal is opened, no key is read. A live run is shown in its present
state and trains on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from textual.pilot import Pilot

from tui_trainer.errors import UserError
from tui_trainer.ui.actions import BY_ID
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.availability import disabled_reason
from tui_trainer.ui.color_depth import color_depth
from tui_trainer.ui.printing.request import ScreenRequest
from tui_trainer.ui.printing.screen_text import screen_lines
from tui_trainer.ui.settings import Settings

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.session.catalog import Catalog
    from tui_trainer.ui.dashboard.screen import Dashboard
    from tui_trainer.ui.lecture.tour import LecturePlan
    from tui_trainer.ui.screens.finder import Finder

START_SECONDS = 60.0
"""Seconds to wait for a run that is starting, or a journal that is being read; then what is known is shown."""
POLL = 0.02
"""Seconds between two polls while waiting."""
_ACTIONS = {
    "findings": "diagnosis", "layers": "layers", "answers": "answers", "leaderboard": "leaderboard",
    "lesson": "lesson", "help": "help",
}  # fmt: skip
"""The action that opens a screen."""


def print_screen(
    session: Session | Callable[[], Session] | None,
    request: ScreenRequest,
    *,
    catalogue: Catalog | None = None,
    programme: LecturePlan | None = None,
    settings: Settings | None = None,
) -> list[str]:
    """Return the lines of a screen.

    Args:
        session: the session to show, or a function that opens it.
        request: the screen, its size and its colours.
        catalogue: presets and runs for the home screen.
        programme: the lecture.
        settings: the settings of the screen; its theme counts where colours are printed.

    Raises:
        UserError: the session cannot be opened, or it has nothing for this screen.
    """
    opened = session() if callable(session) else session
    app = TrainerApp(
        opened,
        catalogue=catalogue,
        programme=programme,
        settings=settings,
        read_only=True,
        environ=os.environ if request.color else {"TERM": "xterm-256color", "NO_COLOR": "1"},
    )
    problems: list[Exception] = []
    lines: list[str] = []

    async def take(pilot: Pilot[Any]) -> None:
        try:
            await _prepare(app, pilot, request)
            lines.extend(screen_lines(app, color_depth(os.environ) if request.color else None))
        except Exception as error:  # noqa: BLE001 - raised again below, once the app has closed
            problems.append(error)
        finally:
            if app.dashboard is not None:
                app.dashboard.close_session()
            app.exit()

    app.run(headless=True, size=(request.width, request.height), auto_pilot=take)
    crash = app.crash or (problems[0] if problems else None)
    if crash is not None:
        raise crash
    return lines


async def _prepare(app: TrainerApp, pilot: Pilot[Any], request: ScreenRequest) -> None:
    """Wait until there is something to show, and open the screen that is asked for."""
    dashboard, finder = app.dashboard, app.finder
    if dashboard is not None:
        await _until(app, pilot, lambda: _is_ready(dashboard))
        _open(dashboard, request.screen)
        await pilot.pause()
        await _until(app, pilot, lambda: not dashboard.recent.reading)
        dashboard.redraw()
    elif finder is not None:
        await _until(app, pilot, lambda: finder.loaded)
        await pilot.pause()
        _highlight(finder, request.find)
        if request.screen == "help":
            finder.action_help()
    await pilot.pause()


async def _until(app: TrainerApp, pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    deadline = monotonic() + START_SECONDS
    await pilot.pause()
    while not condition() and (monotonic() < deadline):
        await asyncio.sleep(POLL)
        app.tick()
        if app.errors:
            raise UserError(f"the screen cannot be drawn: {app.errors[-1]}")


def _is_ready(dashboard: Dashboard) -> bool:
    """Return whether the runs have been read, and each has taken a step; those on disk may never have."""
    store = dashboard.view_state.store
    if not store.connected:
        return True
    if not dashboard.composed or not store.states or store.loaded < 1:
        return False
    states = store.states.values()
    return store.session.kind == "finished" or all(
        state.over or state.step or state.status == "paused" for state in states
    )


def _open(dashboard: Dashboard, screen: str) -> None:
    """Open a screen of the runs.

    Raises:
        UserError: these runs have nothing for it; the message names the reason.
    """
    state = dashboard.view_state
    if screen == "events":
        state.log_all, state.summary = True, False
    elif screen == "runs":
        from tui_trainer.ui.screens.run_table import RunTable

        dashboard.ask(RunTable(state.states, state.selected_index, dashboard.icons, dashboard.palette), lambda _: None)
    elif screen in _ACTIONS:
        action = BY_ID[_ACTIONS[screen]]
        reason = disabled_reason(action, state.action_context)
        if reason is not None:
            raise UserError(f"--screen {screen}: {reason}")
        dashboard.perform(action.id)
    dashboard.relayout()


def _highlight(finder: Finder[Any], text: str) -> None:
    for item in finder.items if text else ():
        if any(text in known.split() for known in finder.texts(item)):
            finder.highlight(item)
            return
