"""`tui-trainer bridge`: connect stdin and stdout to a live run's socket, for a viewer on another machine."""

from __future__ import annotations

import os
import select
import socket

import click

from tui_trainer.cli.options import runs_dir_option


@click.command(epilog="Example: ssh gpu-box tui-trainer bridge last")
@click.argument("run", metavar="[RUN]", default="")
@runs_dir_option
def command(run: str, runs_dir: str | None) -> int:
    """Connect stdin and stdout to the socket of a live RUN until either side closes. `attach HOST:RUN` runs this
    command on HOST.
    """
    from tui_trainer.errors import UserError
    from tui_trainer.session.connect import find_live

    info = find_live(run, runs_dir)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as host:
        try:
            host.connect(info.socket)
        except OSError as error:
            raise UserError(f"cannot connect to run {info.name!r}: {error.strerror}") from None
        _pump(host)
    return 0


def _pump(host: socket.socket) -> None:
    """Copy blocks in both directions. If the connection is slow, only this process waits: the host drops old events."""
    while True:
        ready, _, _ = select.select([0, host], [], [])
        if host in ready:
            data = host.recv(1 << 16)
            if not data:
                return
            while data:
                data = data[os.write(1, data) :]
        if 0 in ready:
            data = os.read(0, 1 << 16)
            if not data:
                return
            host.sendall(data)
