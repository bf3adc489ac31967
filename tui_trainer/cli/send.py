"""`tui-trainer send`: steer a live run from a script, and hear whether it obeyed."""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
from time import monotonic, sleep
from typing import Any, get_args

import click
from pydantic import ValidationError

from tui_trainer.cli.options import json_option, runs_dir_option
from tui_trainer.config.preset import parse_value
from tui_trainer.config.problems import as_user_error
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import ALL_RUNS, AnyCommand, Command, SetOptimizer, SetScheduler
from tui_trainer.protocol.words import describe
from tui_trainer.text import visible

_OWN_TABLE: dict[type[Command], tuple[str, set[str]]] = {
    SetScheduler: ("scheduler", {"base"}),
    SetOptimizer: ("optimizer", set()),
}
"""Commands whose KEY=VALUEs are the fields of a component, and the few that are not."""


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

    from tui_trainer.session.base import Greeting
    from tui_trainer.session.client import connect
    from tui_trainer.session.directory import find_live

    wanted = parse_command(name, values)
    info = find_live(run, runs_dir)
    session = connect(Path(info.socket))
    one = "/" in info.name and run not in (info.name.partition("/")[0], "last", "")
    stamped = wanted.model_copy(
        update={"id": secrets.token_hex(8), "by": _who(), "run": info.name if one else ALL_RUNS}
    )
    session.send(stamped)
    deadline = monotonic() + timeout
    left: set[str] | None = None
    several, code = False, 0
    try:
        while monotonic() < deadline:
            for message in session.drain():
                if isinstance(message, Greeting):
                    for what in sorted({state.unsaved for state in message.states if state.unsaved}):
                        click.echo(visible(f"NOT SAVED: {what}"), err=True)
                    if left is None and stamped.run == ALL_RUNS:
                        left = {state.run for state in message.states if not state.over}
                        several = len(left) > 1
                if isinstance(message, ev.Event) and message.cause is not None and message.cause.id == stamped.id:
                    if several and message.run not in (left or ()):
                        continue  # another event of one that has answered
                    code = max(code, _answer(message, as_json, several))
                    left = (left or set()) - {message.run}
                    if not left or not message.run:
                        return code
                elif isinstance(message, ev.Refused) and message.cause is None:
                    return _answer(message, as_json)
            sleep(0.01)
    finally:
        session.close()
    who = ", ".join(sorted(left)) if several and left else info.name
    raise UserError(f"no answer from {who!r} within {timeout:g} s")


def _answer(event: Any, as_json: bool, named: bool = False) -> int:
    refused = isinstance(event, ev.Refused)
    if as_json:
        click.echo(json.dumps(json.loads(event.model_dump_json())))  # ASCII alone, as all that programs read
    else:
        name = f"{event.run.rpartition('/')[2]}: " if named else ""
        click.echo(visible(name + (describe(event) or type(event).__name__)), err=refused)
    return 1 if refused else 0


def _who() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (send)"


def commands_by_name() -> dict[str, type[AnyCommand]]:
    """Every command under every name that the command line knows it by."""
    classes = get_args(get_args(AnyCommand)[0])
    return {name: cls for cls in classes for name in cls.cli_names()}


def parse_command(name: str, values: tuple[str, ...]) -> AnyCommand:
    """The command of a name and its KEY=VALUEs. Raises `UserError` saying what is allowed."""
    known = commands_by_name()
    cls = known.get(name)
    if cls is None:
        shortest = sorted({cls.cli_names()[0] for cls in known.values()})
        raise UserError(f"send: no command {name!r}; {did_you_mean(name, shortest)}")
    fields: dict[str, Any] = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"send {name}: {text!r}: write KEY=VALUE")
        fields[key] = parse_value(value, key)
    own = _OWN_TABLE.get(cls)
    if own is not None:
        table, plain = own
        inner = {key: value for key, value in fields.items() if key not in plain}
        fields = {**{key: value for key, value in fields.items() if key in plain}, table: inner}
    forbidden = {"type", "id", "by", "run"} & fields.keys()
    if forbidden:
        raise UserError(f"send {name}: {', '.join(sorted(forbidden))}: not yours to set")
    try:
        return cls.model_validate(fields)
    except ValidationError as error:
        raise as_user_error(error, cls, f"send {name}") from None
