"""`tui-trainer open`: show finished runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui_trainer.cli.once import INSTEAD, once_options
from tui_trainer.cli.options import max_kbps_option, runs_dir_option
from tui_trainer.ui.printing.request import RUN_SCREENS

if TYPE_CHECKING:
    from tui_trainer.ui.printing.request import ScreenRequest

MAX_MATCHING = 50
"""Most runs that a filter may open."""


@click.command(
    epilog="""\b
Examples:
  tui-trainer open runs/2026-11-23_140312_digits-mlp_7f3a
  tui-trainer open last --once --width 120 --screen findings"""
)
@click.argument("paths", metavar="RUN...", nargs=-1, required=True)
@max_kbps_option
@runs_dir_option
@once_options(RUN_SCREENS)
def command(paths: tuple[str, ...], max_kbps: float | None, runs_dir: str | None, once: ScreenRequest | None) -> int:
    """Show finished runs, with cursor, zoom and notes. Several runs are drawn in the same charts.

    A filter such as 'lr>=0.001' stands for the runs that it matches; see `tui-trainer runs --help`.
    """
    from tui_trainer.cli.open_screen import check_terminal, show_folders
    from tui_trainer.errors import UserError
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.run_filter import split_arguments
    from tui_trainer.session.connect import folders_of

    names, matching = split_arguments(paths, directory(runs_dir))
    if len(matching) > MAX_MATCHING:
        raise UserError(f"{len(matching)} runs match, more than {MAX_MATCHING} cannot be drawn together; add a term")
    names += [info.path for info in matching]
    folders = list(dict.fromkeys(folder for path in names for folder in folders_of(path, directory(runs_dir))))
    if once is None:
        check_terminal(INSTEAD)
    return show_folders(folders, max_kbps=max_kbps, once=once)
