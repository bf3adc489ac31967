"""`tui-trainer serve`: the same screen in a browser, from this machine only."""

from __future__ import annotations

import importlib.util
import socket
import sys

import click

from tui_trainer.cli.options import runs_dir_option
from tui_trainer.errors import UserError

DEFAULT_PORT = 8000


@click.command(epilog="Example: tui-trainer serve last --port 8123")
@click.argument("run", metavar="[RUN]", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    metavar="N",
    help="Port on the loopback address; 0 chooses a free one.",
)
@runs_dir_option
def command(run: str | None, port: int, runs_dir: str | None) -> int:
    """Show the screen in a browser: home, or the live RUN, to watch and to control.

    The address is printed with a token that the browser keeps as a cookie. Only this machine is listened to; from
    another one, forward the port: ssh -L 8000:127.0.0.1:8000 HOST. Each page has a screen of its own; a page that is
    closed leaves the training alone. Needs the extra `web`.
    """
    if importlib.util.find_spec("textual_serve") is None:
        raise UserError("serve needs textual-serve: install it with pip install 'tui-trainer[web]'")
    program = [sys.executable, "-P", "-m", "tui_trainer"]
    if run is not None:
        from tui_trainer.paths import runs_dir as directory
        from tui_trainer.runs.catalog import find_run

        find_run(run, directory(runs_dir), live=True)
        program += ["attach", run]
    environment = {"TUI_TRAINER_RUNS": runs_dir} if runs_dir is not None else {}
    listening = _listen(port)
    from tui_trainer.cli.commands.serve.server import serve

    serve(listening, program, environment, lambda line: click.echo(line, err=True))
    return 0


def _listen(port: int) -> socket.socket:
    """Return a socket that listens on the loopback address. Raises `UserError` where the port is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise UserError(f"--port {port}: {error.strerror}; choose another, or 0 for a free one") from None
    return listening
