"""`tui-trainer attach`: show a live run and control it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui_trainer.cli.once import INSTEAD, once_options
from tui_trainer.cli.options import (
    map_option,
    max_kbps_option,
    projector_option,
    remote_command_option,
    runs_dir_option,
    sender_options,
)
from tui_trainer.text import visible
from tui_trainer.ui.printing.request import RUN_SCREENS

if TYPE_CHECKING:
    from tui_trainer.ui.printing.request import ScreenRequest


@click.command(
    epilog="""\b
Examples:
  tui-trainer attach
  tui-trainer attach 2026-11-23_140312 --read-only
  tui-trainer attach last --notes
  tui-trainer attach gpu-box:last
  tui-trainer attach gpu-box: --remote-command ~/venv/bin/tui-trainer --runs-dir /data/runs
  tui-trainer attach lightning_logs/version_3"""
)
@click.argument("run", metavar="[RUN|HOST:RUN|PATH]", default="")
@click.option("--read-only", is_flag=True, help="Show the run without the keys that change it.")
@click.option("--notes", is_flag=True, help="Show the notes of a lesson for its teacher; changes nothing.")
@map_option
@max_kbps_option
@projector_option
@remote_command_option
@sender_options
@runs_dir_option
@once_options(RUN_SCREENS)
def command(
    run: str,
    read_only: bool,
    notes: bool,
    told: tuple[str, ...],
    max_kbps: float | None,
    remote_command: str | None,
    runs_dir: str | None,
    once: ScreenRequest | None,
) -> int:
    """Show a live run on this screen and control it. RUN is a run directory, a name, a unique prefix of a name, or
    `last`; by default the newest live run.

    HOST:RUN shows a run on another machine, through `ssh HOST tui-trainer bridge`. HOST: is its newest live run;
    --runs-dir is then the runs directory there. A dead line is noticed within 15 seconds and connected again.

    --notes is a second screen for a lesson: the remark now and the next one, questions, common mistakes, links. Esc
    goes to the charts and back.

    --once prints its present state and leaves it training.

    PATH is the log of another program, or a folder with some: it is followed as it grows, and only shown.
    """
    from tui_trainer.cli.open_logs import show_entries
    from tui_trainer.cli.open_screen import check_terminal, connect_to, show
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.session.connect import find_live, is_within, join
    from tui_trainer.session.logs.named_logs import logs_named, parse_told
    from tui_trainer.session.remote.address import parse_address

    if notes and once is not None:
        raise click.UsageError("use only one of --notes and --once")
    columns = parse_told(told)
    logs = logs_named(run, columns) if run else None
    if once is None:
        check_terminal(INSTEAD)
    if logs is not None and logs.logs:
        return show_entries(logs.entries, columns, max_kbps=max_kbps, once=once, problems=logs.problems, wait=True)
    read_only, page = read_only or notes, "notes" if notes else ""
    can_steer = once is None and not read_only
    address = parse_address(run, program=remote_command, runs_dir=runs_dir)
    if address is not None:
        session = connect_to(address, can_steer=can_steer)
        return show(session, read_only=read_only, max_kbps=max_kbps, once=once, page=page)
    info = find_live(run, runs_dir)
    if "/" not in run and not is_within(info, runs_dir):
        click.echo(visible(f"no live run in {directory(runs_dir)}; showing {info.path}"), err=True)
    return show(lambda: join(info, can_steer=can_steer), read_only=read_only, max_kbps=max_kbps, once=once, page=page)
