"""`tui-trainer open`: the same screen on finished runs."""

from __future__ import annotations

import click

from tui_trainer.cli.options import max_kbps_option, runs_dir_option


@click.command(epilog="Example: tui-trainer open runs/2026-11-23_140312_digits-mlp_7f3a")
@click.argument("paths", metavar="RUN...", nargs=-1, required=True)
@max_kbps_option
@runs_dir_option
def command(paths: tuple[str, ...], max_kbps: float | None, runs_dir: str | None) -> int:
    """Look at finished runs, overlaid where there are several: cursor, zoom, notes and all."""
    from tui_trainer.cli.screen import check_terminal, show
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.session.directory import open_path
    from tui_trainer.session.several import SeveralSessions

    sessions = [open_path(path, directory(runs_dir)) for path in paths]
    check_terminal()
    return show(sessions[0] if len(sessions) == 1 else SeveralSessions(sessions), read_only=True, max_kbps=max_kbps)
