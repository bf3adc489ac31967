"""`tui-trainer send`: steer a live run from a script, and hear whether it obeyed."""

from __future__ import annotations

import json
import os
import socket

import click

from tui_trainer.cli.options import json_option, runs_dir_option
from tui_trainer.errors import UserError
from tui_trainer.text import visible


@click.command(
    epilog="""\b
Examples:
  tui-trainer send last pause
  tui-trainer send last set-lr value=0.01
  tui-trainer send last set-scheduler kind=cosine min_lr=1e-5
  tui-trainer send last stop when=epoch restore_best=true"""
)
@click.argument("run", metavar="RUN")
@click.argument("name", metavar="COMMAND")
@click.argument("values", metavar="[KEY=VALUE ...]", nargs=-1)
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds to wait for the answer.")
@json_option
@runs_dir_option
def command(run: str, name: str, values: tuple[str, ...], timeout: float, as_json: bool, runs_dir: str | None) -> int:
    """Ask a live RUN to do COMMAND: pause, resume, step, stop, set-lr, set-scheduler, set-optimizer, set-clip,
    set-patience, set-epochs, validate, save, roll-back, undo, note.

    Prints what it did, a line for each run of a group. The exit code is 1 where one refused, and 2 where the command
    makes no sense.
    """
    from pathlib import Path

    from tui_trainer.session.connect import find_live
    from tui_trainer.session.request import HostStatus, request

    try:
        info = find_live(run, runs_dir)
    except UserError:
        from tui_trainer.protocol.command_parser import parse_command

        parse_command(name, values)  # what makes no sense is said first
        raise
    one = "/" in info.name and run not in (info.name.partition("/")[0], "last", "")
    several, code = False, 0
    for heard in request(Path(info.socket), name, values, by=_who(), run=info.name if one else "*", timeout=timeout):
        if isinstance(heard, HostStatus):
            several = len(heard.runs) > 1 and not one
            for what in heard.unsaved:
                click.echo(visible(f"NOT SAVED: {what}"), err=True)
            continue
        if heard.event is None:
            raise UserError(heard.text)
        if as_json:
            click.echo(json.dumps(heard.event))  # ASCII alone, as all that programs read
        else:
            named = f"{heard.event['run'].rpartition('/')[2]}: " if several and heard.event["run"] else ""
            click.echo(visible(named + heard.text), err=heard.code != 0)
        code = max(code, heard.code)
    return code


def _who() -> str:
    import getpass

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (send)"
