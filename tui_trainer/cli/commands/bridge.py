"""`tui-trainer bridge`: connect stdin and stdout to a run, for a viewer on another machine."""

from __future__ import annotations

import os
import select
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.options import map_option, runs_dir_option

if TYPE_CHECKING:
    from tui_trainer.protocol.events import Scalars
    from tui_trainer.runs.run_info import RunInfo
    from tui_trainer.session.base import Session

ENDED = 3
"""Exit code after a host that ended before its runs were over."""
POLL_SECONDS = 0.1
"""Seconds between two looks at journals that grow."""


@click.command(epilog="Example: ssh gpu-box tui-trainer bridge last")
@click.argument("run", metavar="[RUN|PATH]", default="")
@click.option("--finished", is_flag=True, help="Send finished runs and logs of other programs too, to look at only.")
@click.option("--list", "lists", is_flag=True, help="Print the live runs as JSON and end.")
@map_option
@runs_dir_option
def command(run: str, finished: bool, lists: bool, told: tuple[str, ...], runs_dir: str | None) -> int:
    """Connect stdin and stdout to the socket of a live RUN until either side closes. `attach HOST:RUN` runs this
    command on HOST, and `open HOST:PATH` runs it with --finished.
    """
    if lists:
        return _print_live(runs_dir)
    if finished:
        return _send_journals(run or "last", told, runs_dir)
    from tui_trainer.errors import UserError
    from tui_trainer.session.connect import find_live, wait_until_listening

    info = find_live(run, runs_dir)
    wait_until_listening(info)
    if not info.socket:
        opened = f"view it with `tui-trainer open HOST:{info.path}`"
        raise UserError(f"run {info.name!r} is {info.status}, not live; {opened}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as host:
        try:
            host.connect(info.socket)
        except OSError as error:
            raise UserError(f"cannot connect to run {info.name!r}: {error.strerror}") from None
        closed_by_host = _pump(host)
    return _say_how_it_ended(info) if closed_by_host else 0


def _print_live(runs_dir: str | None) -> int:
    """Print the live runs of the runs directory, one JSON object a line."""
    import json

    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import list_runs

    for info in list_runs(directory(runs_dir)):
        if info.live:
            click.echo(json.dumps({**info.to_json(), "started": info.started, "seconds": info.seconds}))
    return 0


def _pump(host: socket.socket) -> bool:
    """Copy blocks in both directions until one side closes. Returns whether the host did.

    If the connection is slow, only this process waits: the host drops old events.
    """
    while True:
        ready, _, _ = select.select([0, host], [], [])
        if host in ready:
            data = host.recv(1 << 16)
            if not data:
                return True
            _write(data)
        if 0 in ready:
            data = os.read(0, 1 << 16)
            if not data:
                return False
            host.sendall(data)


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _say_how_it_ended(info: RunInfo) -> int:
    """Say on stderr why a host ended before its run was over, as far as that is known here."""
    from tui_trainer.runs.run_info import read_run_info
    from tui_trainer.session.exit_reason import exit_reason, memory_kills

    folder = Path(info.path)
    if not folder.is_dir() or read_run_info(folder, folder.parent).status not in ("dead", "running", "paused"):
        return 0
    click.echo(f"ended at step {info.step:,}: {exit_reason(None, memory_kills(), [folder / 'host.log'])}", err=True)
    return ENDED


def _send_journals(name: str, told: tuple[str, ...], runs_dir: str | None) -> int:
    """Send the states of runs and logs, then what is added to them, until stdin closes."""
    from tui_trainer.cli.open_logs import check_readable, named_entries, session_of
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.session.logs.named_logs import parse_told

    columns = parse_told(told)
    entries = named_entries([name], directory(runs_dir), columns)
    check_readable([entry for entry in entries if not isinstance(entry, Path)], columns)
    session = session_of(entries, columns)
    try:
        return _follow(session)
    finally:
        session.close()


def _follow(session: Session) -> int:
    from tui_trainer.protocol.codec import encode_event
    from tui_trainer.protocol.events import Scalars
    from tui_trainer.session.base import Greeting, Notice
    from tui_trainer.state.greeting import encode_greeting

    while True:
        messages = session.drain()
        for message in messages:
            match message:
                case Greeting(states, 1.0):
                    _write(encode_greeting(states))
                case Greeting():
                    pass  # a sample of a journal that is still being read
                case Notice(text, fatal, folders):
                    click.echo(text, err=True)
                    if fatal or folders:
                        return ENDED
                case Scalars():
                    _write(encode_event(_with_lists(message)))
                case _:
                    _write(encode_event(message))
        if select.select([0], [], [], 0 if messages else POLL_SECONDS)[0] and not os.read(0, 1 << 16):
            return 0


def _with_lists(event: Scalars) -> Scalars:
    """Return numbers of a log as JSON can hold them: its readers give them in arrays."""
    values = {name: list(column) for name, column in event.values.items()}
    return event.model_copy(update={"steps": list(event.steps), "seconds": list(event.seconds), "values": values})
