"""The address of a run on another machine, `HOST:RUN`, and the ssh command that reaches it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tui_trainer.errors import UserError

REMOTE_COMMAND = "tui-trainer"
"""The program on the other machine, as its shell finds it."""
KEEP_ALIVE = ("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=2", "-o", "ConnectTimeout=15")
"""Options of ssh that notice a dead line within 15 seconds: after two questions without an answer, 5 seconds apart."""

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,252}")
MAX_NAME = 1000


@dataclass(frozen=True, slots=True)
class Address:
    """A run, a path or a log on another machine.

    Attributes:
        host: as ssh takes it: a name of `~/.ssh/config`, or `user@machine`.
        name: a run or a path there; empty for its newest live run.
        program: the shell command that starts tui-trainer there.
        runs_dir: the runs directory there; None for its usual one.
        finished: whether runs that are over and logs of other programs are shown too, to look at only.
        told: columns of such logs, as ROLE=COLUMN.
    """

    host: str
    name: str = ""
    program: str = REMOTE_COMMAND
    runs_dir: str | None = None
    finished: bool = False
    told: tuple[str, ...] = ()

    def command(self, *, ask: bool = True) -> list[str]:
        """Return the command whose standard streams are the line to the run.

        Args:
            ask: whether ssh may ask for a password: not while a screen has the terminal.
        """
        remote = [self.program, "bridge"]
        remote += ["--finished"] if self.finished else []
        remote += [f"--map={shlex.quote(column)}" for column in self.told]
        remote += [f"--runs-dir={shlex.quote(self.runs_dir)}"] if self.runs_dir is not None else []
        remote += ["--", shlex.quote(self.name)] if self.name else []
        return [*ssh_command(ask=ask), "-C", "--", self.host, " ".join(remote)]

    def with_defaults(self, options: Mapping[str, str]) -> Address:
        """Return the address with the `command` and the `runs_dir` of the settings where the user gave none."""
        program = options.get("command", self.program) if self.program == REMOTE_COMMAND else self.program
        return replace(self, program=program, runs_dir=self.runs_dir or options.get("runs_dir"))

    def of(self, name: str) -> Address:
        """Return the address of another run on the same machine."""
        return replace(self, name=name)

    def __str__(self) -> str:
        return f"{self.host}:{self.name}"


def ssh_command(*, ask: bool = True) -> list[str]:
    """Return ssh with the options of every connection; `TUI_TRAINER_SSH` is used in place of `ssh`.

    Raises:
        UserError: the environment variable is no command.
    """
    given = os.environ.get("TUI_TRAINER_SSH", "")
    try:
        program = shlex.split(given) or ["ssh"]
    except ValueError as error:
        raise UserError(f"TUI_TRAINER_SSH: {given!r} is no command: {error}") from None
    return [*program, "-T", *KEEP_ALIVE, "-o", f"BatchMode={'no' if ask else 'yes'}"]


def parse_address(
    text: str,
    *,
    program: str | None = None,
    runs_dir: str | None = None,
    finished: bool = False,
    told: tuple[str, ...] = (),
) -> Address | None:
    """Return the address that an argument gives, None where it names something on this machine.

    Raises:
        UserError: the name cannot be one.
    """
    host, colon, name = text.partition(":")
    if not colon or not _HOST.fullmatch(host) or os.path.exists(text):
        return None
    if name.startswith("-") or len(name) > MAX_NAME or not name.isprintable():
        raise UserError(f"{text}: not a valid HOST:RUN")
    return Address(host, name, program or REMOTE_COMMAND, runs_dir, finished, told)
