"""Several sessions as one: the runs of all of them on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tui_trainer.protocol.commands import ALL_RUNS, AnyCommand
from tui_trainer.session.base import Greeting, Message, Notice, OnDisk, Session
from tui_trainer.state.run_state import RunState


class MultiSession:
    """Drains each in turn. A greeting of one is a greeting of all, so that no run is forgotten."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = list(sessions)
        self._states: dict[Session, tuple[RunState, ...]] = {}
        self._read: dict[Session, float] = {}
        self._ended: set[Session] = set()

    @property
    def kind(self) -> Literal["live", "replay"]:
        """Of the past, where nothing trains behind any of them."""
        return "replay" if all(session.kind == "replay" for session in self._sessions) else "live"

    @property
    def can_steer(self) -> bool:
        """Whether any of them takes commands."""
        return any(session.can_steer for session in self._sessions)

    def drain(self) -> list[Message]:
        """What has come from any of them."""
        messages: list[Message] = []
        for session in self._sessions:
            for message in session.drain():
                if isinstance(message, Greeting):
                    self._states[session], self._read[session] = message.states, message.read
                    states = tuple(state for states in self._states.values() for state in states)
                    messages.append(Greeting(states, min(self._read.values())))
                elif isinstance(message, Notice) and message.fatal:
                    self._ended.add(session)
                    everyone = len(self._ended) == len(self._sessions)
                    messages.append(Notice(message.text, fatal=everyone, folders=message.folders))
                else:
                    messages.append(message)
        return messages

    def folder(self, run: str) -> Path | None:
        """The folder of a run, as the session that has it knows it."""
        known = (session.folder(run) for session in self._sessions if isinstance(session, OnDisk))
        return next((folder for folder in known if folder is not None), None)

    def send(self, command: AnyCommand) -> None:
        """Ask the session that has the run, or all of them."""
        for session in self._sessions:
            names = {state.run for state in self._states.get(session, ())}
            if command.run == ALL_RUNS or command.run in names:
                session.send(command)

    def close(self) -> None:
        """Leave all of them."""
        for session in self._sessions:
            session.close()
