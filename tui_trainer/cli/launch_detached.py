"""Starting a host in the background: back when it trains, or when it says why it will not."""

from __future__ import annotations

from time import monotonic, sleep

import click

from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev
from tui_trainer.session.base import Greeting, Notice
from tui_trainer.session.launch import Launched

PATIENCE = 120.0
"""Seconds that torch and the data may take to load."""


def wait_until_training(launched: Launched) -> int:
    """Print the run's name once it trains. Raises `UserError` with the host's reason where it refuses."""
    session = launched.session(can_steer=False)
    deadline = monotonic() + PATIENCE
    name = launched.names[0].partition("/")[0]
    while monotonic() < deadline:
        for message in session.drain():
            states = message.states if isinstance(message, Greeting) else ()
            refused = next((state for state in states if state.reason in ("refused", "failed")), None)
            if refused is not None:
                raise UserError(refused.detail)
            if isinstance(message, ev.RunFinished) and message.exit_code:
                raise UserError(message.detail)
            if isinstance(message, Notice) and message.fatal:
                raise UserError(message.text)
            if isinstance(message, ev.RunStarted) or any(state.started is not None for state in states):
                session.close()
                click.echo(name)
                click.echo(f"training in the background; `tui-trainer attach {name}` joins it", err=True)
                return 0
        sleep(0.02)
    raise UserError(
        f"the host did not begin to train within {PATIENCE:.0f} s; its log is {launched.socket.with_suffix('.log')}"
    )
