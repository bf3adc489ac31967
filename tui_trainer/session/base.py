"""What a viewer holds: something to drain, something to send to, something to close."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import AnyEvent
from tui_trainer.state.greeting import Greeting


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the session itself. A fatal one is the last: nothing more will come.

    `folders` are the run folders that a new host could go on with, where the old one vanished.
    """

    text: str
    fatal: bool = False
    folders: tuple[str, ...] = ()


Message = Greeting | AnyEvent | Notice


class Session(Protocol):
    """One host (or one finished run) as a viewer sees it. No method ever blocks."""

    @property
    def kind(self) -> Literal["live", "in-process", "replay"]:
        """Where the host is: in another process, in this one, or in the past."""
        ...

    @property
    def can_steer(self) -> bool:
        """Whether commands are accepted; where not, `send` is answered with `Refused`."""
        ...

    def drain(self) -> list[Message]:
        """What has come since the last call, oldest first. The first message is a `Greeting` or a `Notice`."""
        ...

    def send(self, command: AnyCommand) -> None:
        """Ask the host for something. The answer is an event in a later `drain`."""
        ...

    def close(self) -> None:
        """Leave. The run goes on."""
        ...


@runtime_checkable
class OnDisk(Protocol):
    """A session that knows where the folders of its runs lie."""

    def folder(self, run: str) -> Path | None:
        """The folder of a run; None where the session has no such run."""
        ...
