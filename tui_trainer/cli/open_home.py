"""`tui-trainer` alone: presets, live runs, finished runs."""

from __future__ import annotations


def home() -> int:
    """Open the home screen."""
    from tui_trainer.cli.open_screen import check_terminal, show
    from tui_trainer.session.connect import RunDirectory

    check_terminal()
    return show(catalogue=RunDirectory())
