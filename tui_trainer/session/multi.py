"""Several sessions as one, so that one screen shows the runs of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tui_trainer.protocol.commands import ALL_RUNS, AnyCommand
from tui_trainer.session.base import Greeting, Message, Notice, OnDisk, Session
from tui_trainer.state.run_state import RunState


class MultiSession:
    """Drains each session in turn. Greetings are passed on as one, with the states of all sessions."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = list(sessions)
        self._on_disk = [session for session in self._sessions if isinstance(session, OnDisk)]
        self._states: dict[Session, tuple[RunState, ...]] = {}
        self._fractions: dict[Session, float] = {}
        """The fraction of its past that each session has read."""
        self._ended: set[Session] = set()

    @property
    def kind(self) -> Literal["live", "finished"]:
        """The kind: finished if all of the sessions are."""
        return "finished" if all(session.kind == "finished" for session in self._sessions) else "live"

    @property
    def can_steer(self) -> bool:
        """Whether any of the sessions accepts commands."""
        return any(session.can_steer for session in self._sessions)

    def drain(self) -> list[Message]:
        """Return the new messages of all sessions."""
        messages: list[Message] = []
        greeted = False
        for session in self._sessions:
            for message in session.drain():
                if isinstance(message, Greeting):
                    self._states[session], self._fractions[session] = message.states, message.read
                    greeted = True
                elif isinstance(message, Notice) and message.fatal:
                    self._ended.add(session)
                    all_ended = len(self._ended) == len(self._sessions)
                    states = self._states.get(session, ())
                    if all_ended or not states or not all(state.over for state in states):
                        messages.append(Notice(message.text, fatal=all_ended, folders=message.folders))
                    # else: all of its runs have been read to their ends, and one of them may have been deleted
                else:
                    messages.append(message)
        if greeted:
            # Before the events: those that a state has folded already are ignored by their numbers.
            states = tuple(state for states in self._states.values() for state in states)
            messages.insert(0, Greeting(states, min(self._fractions.values())))
        return messages

    def folder(self, run: str) -> Path | None:
        """Return the directory of a run, None where no session has it."""
        folders = (session.folder(run) for session in self._on_disk)
        return next((folder for folder in folders if folder is not None), None)

    def drop(self, run: str) -> None:
        """Close the session of a run that was deleted, where it has no other run."""
        for session, states in self._states.copy().items():
            if [state.run for state in states] == [run]:
                self._sessions.remove(session)
                session.close()
                del self._states[session], self._fractions[session]
        self._on_disk = [session for session in self._on_disk if session in self._sessions]

    def send(self, command: AnyCommand) -> None:
        """Send a command to the session that has its run, or to all of them."""
        for session in self._sessions:
            names = {state.run for state in self._states.get(session, ())}
            if command.run == ALL_RUNS or command.run in names:
                session.send(command)

    def close(self) -> None:
        """Close all sessions."""
        for session in self._sessions:
            session.close()
