"""Open the home screen."""

from __future__ import annotations


def open_home() -> int:
    """Show presets, live runs and finished runs until the user leaves; return the exit code.

    Raises:
        UserError: the screen cannot be drawn here.
    """
    from tui_trainer.cli.open_screen import check_terminal, show
    from tui_trainer.session.connect import RunDirectory

    check_terminal()
    return show(catalogue=RunDirectory())
