"""`tui-trainer open`: show finished runs, and logs of other programs."""

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
)
from tui_trainer.ui.printing.request import RUN_SCREENS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tui_trainer.readers.find_logs import Log
    from tui_trainer.session.remote.address import Address
    from tui_trainer.ui.printing.request import ScreenRequest

MAX_MATCHING = 50
"""Most runs that a filter may open."""
OPERATORS = "=<>~"
"""Signs of which every term of a filter has one."""


@click.command(
    epilog="""\b
Examples:
  tui-trainer open runs/2026-11-23_140312_digits-mlp_7f3a
  tui-trainer open last --once --width 120 --screen findings
  tui-trainer open lightning_logs/ results.csv last
  tui-trainer open gpu-box:digits-mlp last"""
)
@click.argument("paths", metavar="RUN|PATH|HOST:PATH...", nargs=-1, required=True)
@map_option
@max_kbps_option
@projector_option
@remote_command_option
@runs_dir_option
@once_options(RUN_SCREENS)
def command(
    paths: tuple[str, ...],
    told: tuple[str, ...],
    max_kbps: float | None,
    remote_command: str | None,
    runs_dir: str | None,
    once: ScreenRequest | None,
) -> int:
    """Show finished runs, with cursor, zoom and notes. Several runs are drawn in the same charts.

    A filter such as 'lr>=0.001' stands for the runs that it matches; see `tui-trainer runs --help`.

    PATH is a log of another program, or a folder with such logs: a CSV or JSON lines with a step or an epoch, a
    TensorBoard event file, a trainer_state.json, a database of MLflow or Trackio, a run file of W&B. It is followed
    while it grows, and never written to.

    HOST:PATH is a run or a log on another machine, read there through `ssh HOST tui-trainer bridge`; --runs-dir is then
    the runs directory there.
    """
    from tui_trainer.cli.open_logs import named_entries, show_entries
    from tui_trainer.cli.open_screen import check_terminal
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.session.logs.named_logs import parse_told
    from tui_trainer.session.remote.address import parse_address

    columns = parse_told(told)
    if any(":" in path for path in paths):
        found = [
            parse_address(path, program=remote_command, runs_dir=runs_dir, finished=True, told=told) for path in paths
        ]
        addresses = [address for address in found if address is not None]
        if addresses:
            if once is None:
                check_terminal(INSTEAD)
            here = [path for path, address in zip(paths, found, strict=True) if address is None]
            return _show_remote(addresses, named_entries(here, directory(runs_dir), columns), columns, max_kbps, once)
    entries = named_entries(_names(paths, directory(runs_dir)), directory(runs_dir), columns)
    if once is None:
        check_terminal(INSTEAD)
    return show_entries(entries, columns, max_kbps=max_kbps, once=once)


def _names(arguments: Sequence[str], directory: Path) -> Sequence[str]:
    """Return names of runs and paths of logs, those of the runs that filter terms match among them."""
    if not any(sign in argument for argument in arguments for sign in OPERATORS):
        return arguments  # without the import of filters and catalogue: the first picture waits for this
    from tui_trainer.errors import UserError
    from tui_trainer.runs.run_filter import split_arguments

    names, matching = split_arguments(arguments, directory)
    if len(matching) > MAX_MATCHING:
        raise UserError(f"{len(matching)} runs match, more than {MAX_MATCHING} cannot be drawn together; add a term")
    return [*names, *(info.path for info in matching)]


def _show_remote(
    addresses: Sequence[Address],
    here: Sequence[Path | Log],
    columns: Mapping[str, str],
    max_kbps: float | None,
    once: ScreenRequest | None,
) -> int:
    """Show runs and logs of other machines, beside those of this one."""
    from tui_trainer.cli.open_logs import session_of
    from tui_trainer.cli.open_screen import connect_to, show
    from tui_trainer.session.multi import MultiSession

    sessions = [connect_to(address, can_steer=False) for address in addresses]
    if here:
        sessions.append(session_of(here, columns))
    session = sessions[0] if len(sessions) == 1 else MultiSession(sessions)
    return show(session, read_only=True, max_kbps=max_kbps, once=once)
