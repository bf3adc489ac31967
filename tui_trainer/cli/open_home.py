"""Open the home screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_trainer.ui.printing.request import ScreenRequest


def open_home(once: ScreenRequest | None = None) -> int:
    """Show presets, live runs and finished runs until the user leaves; return the exit code.

    Args:
        once: print this screen as text instead.

    Raises:
        UserError: the screen cannot be drawn here.
    """
    from tui_trainer.cli.once import INSTEAD
    from tui_trainer.cli.open_screen import check_terminal, show
    from tui_trainer.session.connect import RunDirectory
    from tui_trainer.ui.settings import load_settings

    if once is None:
        check_terminal(INSTEAD)
    catalogue = RunDirectory()
    hosts = load_settings().hosts
    if hosts:
        from tui_trainer.session.remote.remote_runs import RemoteRuns

        catalogue.remote = RemoteRuns(hosts)
    return show(catalogue=catalogue, once=once)
