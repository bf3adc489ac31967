"""Send one command of an agent to a live run, and answer in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError
from tui_trainer.protocol.actions.written_command import typed
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.session.connect import find_steered, wait_until_listening
from tui_trainer.session.request import Response, request

TIMEOUT = 60.0
"""Seconds within which a run answers."""


def steer(
    run: str, command: str, values: Mapping[str, Any], because: str, *, sender: tuple[str, str], runs_dir: str | None
) -> dict[str, Any]:
    """Send a command and return the answer: whether it was applied, the words, and the event of the journal.

    Args:
        run: name of the run.
        command: name of the command, as `send` takes it.
        values: its fields.
        because: the reason, kept with the command.
        sender: name and kind.
        runs_dir: the runs directory.

    Raises:
        UserError: there is no such live run, or the command is not valid.
    """
    words = [f"{key}={typed(value)}" for key, value in values.items()] + [f"because={because}"]
    parse_command(command, words)
    infos = find_steered(run, runs_dir)
    info = infos[0]
    wait_until_listening(info)
    target = info.name if info.group and len(infos) == 1 else "*"
    by, actor = sender
    answers = [
        message
        for message in request(Path(info.socket), command, words, by=by, actor=actor, run=target, timeout=TIMEOUT)
        if isinstance(message, Response)
    ]
    invalid = [answer.text for answer in answers if answer.event is None]
    if invalid:
        raise UserError(invalid[0])
    told = [(answer.event or {}, answer.text) for answer in answers]
    return {
        "applied": all(answer.code == 0 for answer in answers),
        "answers": [{"run": event.get("run", ""), "step": event.get("step", 0), "text": text} for event, text in told],
    }
