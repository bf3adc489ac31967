"""`tui-trainer attach`: watch and steer a live run."""

from __future__ import annotations

import click

from tui_trainer.cli.options import max_kbps_option, runs_dir_option


@click.command(
    epilog="""\b
Examples:
  tui-trainer attach
  tui-trainer attach 2026-11-23_140312 --read-only
  tui-trainer attach gpu-box:last"""
)
@click.argument("run", metavar="[RUN|HOST:RUN]", default="")
@click.option("--read-only", is_flag=True, help="Watch without steering.")
@max_kbps_option
@runs_dir_option
def command(run: str, read_only: bool, max_kbps: float | None, runs_dir: str | None) -> int:
    """Join a live run: the newest one, or RUN (a folder, a name, a unique prefix of it, or `last`).

    HOST:RUN joins a run on another machine through `ssh HOST tui-trainer bridge`, and draws here.
    """
    from tui_trainer.cli.open_screen import check_terminal, show
    from tui_trainer.session.connect import find_live, join

    check_terminal()
    host, colon, name = run.partition(":")
    if colon and "/" not in host:
        from tui_trainer.session.ssh import remote_session

        return show(remote_session(host, name, read_only=read_only), read_only=read_only, max_kbps=max_kbps)
    info = find_live(run, runs_dir)
    return show(lambda: join(info, can_steer=not read_only), read_only=read_only, max_kbps=max_kbps)
