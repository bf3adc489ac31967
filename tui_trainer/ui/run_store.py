"""A session as the screen uses it: messages folded into states, commands stamped, answers matched to who asked."""

from __future__ import annotations

import getpass
import os
import platform
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import ALL_RUNS, AnyCommand
from tui_trainer.protocol.describe import describe
from tui_trainer.session.base import Greeting, Notice, Session
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible

MAX_PENDING = 32
_URGENT = (ev.RunStarted, ev.StatusChanged, ev.RunFinished, ev.SavingFailed, ev.Diagnosed)


@dataclass(frozen=True, slots=True)
class Pending:
    """A command that was sent and not answered yet."""

    words: str
    since: float


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What became of a command of ours: done, or refused and why."""

    words: str
    refused: bool


@dataclass(slots=True)
class Update:
    """What one `take` brought.

    Attributes:
        changed: whether any state is another one now.
        urgent: whether something happened that a person waits for, and not just more numbers.
        answers: to commands of this screen.
        notices: messages of the session itself.
        ended: whether a run ended.
    """

    changed: bool = False
    urgent: bool = False
    answers: list[CommandAnswer] = field(default_factory=list[CommandAnswer])
    notices: list[Notice] = field(default_factory=list[Notice])
    ended: bool = False


def who() -> str:
    """This person at this terminal: user@host (tty)."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    try:
        terminal = f" ({os.path.relpath(os.ttyname(0), '/dev')})"
    except OSError:
        terminal = ""
    return visible(f"{user}@{platform.node()}{terminal}")


class RunStore:
    """The runs of one session, as they are now."""

    def __init__(self, session: Session, by: str = "") -> None:
        self.session = session
        self.by = by or who()
        self.states: dict[str, RunState] = {}
        """The runs by name, in the order in which they were announced."""
        self.read = 1.0
        """The share of their past that has been read; with less than all of it, what is drawn of it is coarse."""
        self.connected = True
        self.trouble = ""
        """Why the session stands no longer."""
        self.resumable: tuple[str, ...] = ()
        """The folders of runs whose host vanished, so that another can go on with them."""
        self.pending: dict[str, Pending] = {}
        """Commands that were sent and not answered, by id."""
        self._stamp = secrets.token_hex(4)
        self._sent = 0

    def take(self) -> Update:
        """Fold everything that has come."""
        news = Update()
        crowds: dict[str, list[ev.AnyEvent]] = {}
        for message in self.session.drain():
            match message:
                case Greeting(states, read):
                    crowds.clear()
                    self.states = {state.run: state for state in states}
                    self.read = read
                    news.changed = news.urgent = True
                case Notice(text, fatal, folders):
                    news.notices.append(message)
                    self.resumable = tuple(dict.fromkeys((*self.resumable, *folders)))
                    news.changed = news.urgent = True
                    if fatal:
                        self.connected, self.trouble = False, visible(text)
                        self.pending.clear()
                case _:
                    if message.run:  # what has no run is the session's own word to this screen
                        crowds.setdefault(message.run, []).append(message)
                    self._hear(message, news)
        for run, events in crowds.items():
            self.states.setdefault(run, RunState(run=run)).apply(*events)
        if self.pending and self.over:
            self.pending.clear()
        return news

    def vanished(self, state: RunState) -> bool:
        """Whether the run has not ended and nobody trains it any more."""
        folder = state.run.rpartition("/")[2]
        return not state.over and any(Path(path).name == folder for path in self.resumable)

    @property
    def left_over(self) -> tuple[str, ...]:
        """The folders of runs that another host would not go on with, because they have ended."""
        return tuple(state.started.path for state in self.states.values() if state.over and state.started is not None)

    @property
    def over(self) -> bool:
        """Whether every run has ended."""
        return bool(self.states) and all(state.over for state in self.states.values())

    def _hear(self, event: ev.AnyEvent, news: Update) -> None:
        news.changed = True
        fresh = not (isinstance(event, ev.Diagnosed) and event.again)  # the same finding in newer numbers
        if event.cause is not None or (isinstance(event, _URGENT) and fresh):
            news.urgent = True
        if isinstance(event, ev.RunFinished):
            news.ended = True
        if event.cause is not None and self.pending.pop(event.cause.id, None) is not None:
            refused = isinstance(event, ev.Refused)
            words = visible(event.reason if isinstance(event, ev.Refused) else describe(event) or event.type)
            news.answers.append(CommandAnswer(words, refused))
            news.urgent = True

    def send(self, command: AnyCommand, run: str = ALL_RUNS, words: str = "") -> None:
        """Ask for something. What comes of it is known when its event returns."""
        self._sent += 1
        identity = f"{self._stamp}-{self._sent}"
        self.session.send(command.model_copy(update={"id": identity, "by": self.by, "run": run}))
        if len(self.pending) >= MAX_PENDING:
            self.pending.pop(next(iter(self.pending)))
        self.pending[identity] = Pending(words or command.type, monotonic())

    def adopt(self, session: Session) -> None:
        """Watch the same runs through another session: a new host has taken them up."""
        self.session.close()
        self.session = session
        self.connected, self.trouble, self.resumable = True, "", ()
        self.pending.clear()

    def begin(self, session: Session) -> None:
        """Watch other runs, through another session; those of before are left."""
        self.adopt(session)
        self.states = {}

    def close(self) -> None:
        """Leave the session. The runs go on."""
        self.session.close()
