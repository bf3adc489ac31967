"""`tui-trainer open`: the same screen on finished runs."""

from __future__ import annotations

import click

from tui_trainer.cli.options import runs_dir_option


@click.command(epilog="Example: tui-trainer open runs/2026-11-23_140312_digits-mlp_7f3a")
@click.argument("paths", metavar="RUN...", nargs=-1, required=True)
@runs_dir_option
def command(paths: tuple[str, ...], runs_dir: str | None) -> int:
    """Look at finished runs, overlaid where there are several, as those of a set: cursor, zoom, notes and all."""
    from tui_trainer.cli.screen import check_terminal, show
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.session.directory import open_runs
    from tui_trainer.session.several import SeveralSessions

    sessions = [session for path in paths for session in open_runs(path, directory(runs_dir))]
    check_terminal()
    return show(sessions[0] if len(sessions) == 1 else SeveralSessions(sessions), read_only=True)
