"""The action of the dashboard that keeps the selected run: the folder it lies in, and the questions about it."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import directory_of, list_runs
from tui_trainer.runs.keeping.kept import NOTHING, Kept
from tui_trainer.runs.run_info import RunInfo, is_run, read_run_info
from tui_trainer.session.base import OnDisk
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.keeping.keep_run import KeepRun, Say
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
    try:
        info = info_of(context.view_state.store, state)
    except UserError as error:
        say(str(error), True)
        return
    directory = directory_of(Path(info.path))
    members = [each for each in list_runs(directory) if info.group and each.group == info.group]
    KeepRun(context.ask, say, changed).begin(info, members, lambda: list_runs(directory))


def info_of(store: RunStore, state: RunState) -> RunInfo:
    """Return a run that is shown as its folder tells of it now.

    A folder may have been copied: its journal tells where the run was trained, which is another folder.

    Raises:
        UserError: the folder is not on this machine, or is gone.
    """
    session, started = store.session, state.started
    folder = session.folder(state.run) if isinstance(session, OnDisk) else None
    if folder is None and started is not None and started.path and started.host == platform.node():
        folder = Path(started.path)
    if folder is None or not is_run(folder):
        raise UserError("the folder of this run is not on this machine, or is gone")
    return read_run_info(folder, directory_of(folder))


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

    def keep(self, state: RunState, say: Say, changed: Callable[[], None]) -> None:
        """Ask what to do with a run."""
        keep_state(self._context, state, say, changed)
