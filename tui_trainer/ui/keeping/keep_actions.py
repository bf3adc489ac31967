"""The action of the dashboard that keeps the selected run: the folder it lies in, and the questions about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import directory_of, list_runs
from tui_trainer.runs.keeping.kept import NOTHING, Kept
from tui_trainer.runs.label import short_name
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.app_result import AppResult
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.keeping.keep_run import KeepRun, Say
from tui_trainer.ui.keeping.kept_runs import info_of
from tui_trainer.ui.run_store import RunStore


class KeepActions:
    """Handler of the key that keeps a run.

    Args:
        context: the dashboard.
    """

    def __init__(self, context: DashboardContext) -> None:
        self._context = context

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"keep": self.keep}

    def keep(self) -> None:
        """Ask what to do with the selected run."""
        keep_state(self._context, self._context.selected_run, self._say, self._context.request_redraw)

    def _say(self, text: str, failed: bool) -> None:
        self._context.flash(text, error=failed, seconds=10.0)


def keep_state(context: DashboardContext, state: RunState, say: Say, changed: Callable[[], None]) -> None:
    """Ask what to do with a run that is shown; say why that cannot be done."""
    store, kept_runs = context.view_state.store, context.view_state.kept_runs
    try:
        info = info_of(store, state)
    except UserError as error:
        say(str(error), True)
        return
    directory = directory_of(Path(info.path))
    members = [each for each in list_runs(directory) if info.group and each.group == info.group]

    def look_again() -> None:
        kept_runs.look_again(store, state)
        if state.run in kept_runs.gone:
            drop_run(context, state.run)
        changed()

    KeepRun(context.ask, say, look_again).begin(info, members, lambda: list_runs(directory))


def drop_run(context: DashboardContext, run: str) -> None:
    """Take a run from the screen whose folder was deleted; leave the screen with its last run."""
    view_state = context.view_state
    if len(view_state.store.states) > 1:
        view_state.drop(run)
        context.relayout()
    else:
        context.leave(AppResult(0, f"{visible(short_name(run))} was deleted"))


def kept_of(store: RunStore, state: RunState) -> Kept:
    """Return what a user gave a run that is shown; nothing where its folder is not on this machine."""
    try:
        return info_of(store, state).kept
    except UserError:
        return NOTHING


class RunKeeper:
    """Keeps the runs that a list shows.

    Args:
        context: the dashboard.
    """

    def __init__(self, context: DashboardContext) -> None:
        self._context = context

    def kept(self, state: RunState) -> Kept:
        """Return the name, tags and note of a run."""
        return kept_of(self._context.view_state.store, state)

    def is_gone(self, state: RunState) -> bool:
        """Return whether a run was deleted on this screen."""
        return state.run in self._context.view_state.kept_runs.gone

    def keep(self, state: RunState, say: Say, changed: Callable[[], None]) -> None:
        """Ask what to do with a run."""
        keep_state(self._context, state, say, changed)
