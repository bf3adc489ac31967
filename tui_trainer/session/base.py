"""The `Session` protocol: a viewer drains messages from it, sends commands to it, and closes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import AnyEvent
from tui_trainer.state.greeting import Greeting

SessionKind = Literal["live", "in-process", "finished"]
"""The kind of a session: with a host in another process, with a host in this one, or with a run directory alone."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the session itself.

    Attributes:
        text: the message.
        fatal: whether it is the last one.
        folders: run directories that a new host could resume, after the old host vanished.
        cut_off: whether the line to the host is broken, and the session connects again by itself. A `Greeting` follows
            once it has.
    """

    text: str
    fatal: bool = False
    folders: tuple[str, ...] = ()
    cut_off: bool = False


Message = Greeting | AnyEvent | Notice


class Session(Protocol):
    """One host, or one finished run, as a viewer sees it. No method blocks."""

    @property
    def kind(self) -> SessionKind:
        """The kind of the session."""
        ...

    @property
    def can_steer(self) -> bool:
        """Whether commands are accepted. If not, `send` is answered with `Refused`."""
        ...

    def drain(self) -> list[Message]:
        """Return the messages since the last call, oldest first. The first one is a `Greeting` or a `Notice`."""
        ...

    def send(self, command: AnyCommand) -> None:
        """Send a command. The answer is an event in a later `drain`."""
        ...

    def close(self) -> None:
        """Disconnect. The run continues."""
        ...


@runtime_checkable
class OnDisk(Protocol):
    """A session that knows the directories of its runs."""

    def folder(self, run: str) -> Path | None:
        """Return the directory of a run, None where the session has no such run."""
        ...
