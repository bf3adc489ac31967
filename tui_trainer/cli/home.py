"""`tui-trainer` alone: presets, live runs, finished runs."""

from __future__ import annotations


def home() -> int:
    """Open the home screen."""
    from tui_trainer.cli.screen import check_terminal, show
    from tui_trainer.session.directory import Directory

    check_terminal()
    return show(catalogue=Directory())
