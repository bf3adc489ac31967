"""`tui-trainer send`: send a command to a live run from a script and print the result."""

from __future__ import annotations

import json

import click

from tui_trainer.cli.options import json_option, runs_dir_option, sender_given, sender_options
from tui_trainer.errors import UserError
from tui_trainer.text import visible


@click.command(
    epilog="""\b
Examples:
  tui-trainer send last pause
  tui-trainer send last set-lr value=0.01
  tui-trainer send last set-scheduler kind=cosine min_lr=1e-5
  tui-trainer send last set-lr factor=0.1 --as ann --kind person --why "the loss is flat"
  tui-trainer send last race 'lr=x3' 'optimizer=adam lr=0.003' unchanged steps=100
  tui-trainer send last take-race 2
  tui-trainer send last stop when=epoch restore_best=true"""
)
@click.argument("run", metavar="RUN")
@click.argument("name", metavar="COMMAND")
@click.argument("values", metavar="[KEY=VALUE ...]", nargs=-1)
@click.option(
    "--timeout",
    type=float,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds to wait for the response.",
)
@click.option("--why", metavar="TEXT", help="Reason for the command, kept with it; the same as because=TEXT.")
@sender_options
@json_option
@runs_dir_option
def command(
    run: str,
    name: str,
    values: tuple[str, ...],
    timeout: float,
    why: str | None,
    as_json: bool,
    runs_dir: str | None,
) -> int:
    """Send COMMAND to a live RUN of the runs directory and print the result, one line for each run of a group.

    \b
    Commands:
      pause, resume, step, stop, validate, save, roll-back, undo, redo, note, find-lr,
      skip-step, guards, set-guard, remove-guard, race, take-race,
      try-step,
      set-lr, set-scheduler, set-optimizer, set-clip, set-patience, set-epochs

    --as, --kind and --why are kept with the command and shown with its effect: who did it, and why.

    The exit code is 1 if a run refused the command, and 2 if the command is invalid.
    """
    from pathlib import Path

    from tui_trainer.session.connect import find_steered, wait_until_listening
    from tui_trainer.session.request import HostStatus, request

    if why is not None:
        values = (*values, f"because={why}")
    by, actor = sender()
    try:
        infos = find_steered(run, runs_dir)
    except UserError:
        from tui_trainer.protocol.command_parser import parse_command

        parse_command(name, values)  # an invalid command is reported first
        raise
    info = infos[0]
    wait_until_listening(info)
    single = bool(info.group) and len(infos) == 1
    target = info.name if single else "*"
    print_names, code = False, 0
    for message in request(Path(info.socket), name, values, by=by, actor=actor, run=target, timeout=timeout):
        if isinstance(message, HostStatus):
            print_names = len(message.runs) > 1 and not single
            for failure in message.unsaved:
                click.echo(visible(f"NOT SAVED: {failure}"), err=True)
            continue
        if message.event is None:
            raise UserError(message.text)
        if as_json:
            click.echo(json.dumps(message.event))  # in ASCII, like all output for programs
        else:
            prefix = f"{message.event['run'].rpartition('/')[2]}: " if print_names and message.event["run"] else ""
            click.echo(visible(prefix + message.text), err=message.code != 0)
        code = max(code, message.code)
    return code


def sender() -> tuple[str, str]:
    """Return name and kind of the sender: by default `user@host (send)`, a script."""
    from tui_trainer.protocol.wheel.sender import own_name

    name, kind = sender_given()
    return name or own_name("send"), kind or "script"
