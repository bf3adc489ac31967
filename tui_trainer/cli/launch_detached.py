"""Start a host in the background and wait until it trains."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

import click

from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev
from tui_trainer.session.base import Greeting, Notice
from tui_trainer.session.launch import Launched, launch

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec

TIMEOUT = 120.0
"""Seconds that torch and the data may take to load."""


def launch_detached(spec: HostSpec) -> int:
    """Launch a host, print the run's name when training starts, and return exit code 0.

    Raises:
        UserError: the host refused or failed, with its reason, or did not start training within `TIMEOUT`.
    """
    launched = launch(spec)
    _wait_until_training(launched)
    name = launched.names[0].partition("/")[0]
    click.echo(name)
    click.echo(f"training in the background; `tui-trainer attach {name}` shows it", err=True)
    return 0


def _wait_until_training(launched: Launched) -> None:
    session = launched.session(can_steer=False)
    deadline = monotonic() + TIMEOUT
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
                return
        sleep(0.02)
    raise UserError(
        f"the host did not start training within {TIMEOUT:.0f} s; see its log {launched.socket.with_suffix('.log')}"
    )
