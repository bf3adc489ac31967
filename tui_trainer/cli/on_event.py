"""The option `--on-event COMMAND` of the commands that start training."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import click

from tui_trainer.errors import UserError

on_event_option = click.option(
    "--on-event",
    metavar="COMMAND",
    help="Run COMMAND, with the event as JSON on standard input, when a run ends, fails or has a serious finding.",
)


def parse_on_event(text: str | None) -> tuple[str, ...]:
    """Split a command as a shell would, without running one, and find its program. Empty where none is given.

    Raises:
        UserError: the text is no command, or its program does not exist or may not be executed.
    """
    if text is None:
        return ()
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(f"--on-event {text!r}: {str(error).lower()}") from None
    if not words or not words[0]:
        raise UserError("--on-event needs a command, for example --on-event ./notify.sh")
    program = os.path.expanduser(words[0])
    found = shutil.which(program)
    if found is None:
        raise UserError(f"--on-event: {_problem(program)}")
    return (os.path.abspath(found), *words[1:])  # the host or the queue may work in another directory


def _problem(program: str) -> str:
    path = Path(program)
    if "/" not in program:
        return f"no program {program!r} on PATH; name a script with its path, as ./{program}"
    if path.is_dir():
        return f"{program!r} is a directory; name a program or a script"
    if path.exists():
        return f"{program!r} is not executable; `chmod +x {program}` makes it so"
    return f"no file {program!r}"
