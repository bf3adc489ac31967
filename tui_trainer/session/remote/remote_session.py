"""A session with a run on another machine, which connects again by itself after the line was cut."""

from __future__ import annotations

from time import monotonic

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.session.base import Greeting, Message, Notice, SessionKind
from tui_trainer.session.remote.address import Address
from tui_trainer.session.remote.ssh_line import BROKEN, SshLine
from tui_trainer.session.socket_session import ClientSession

FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
"""Seconds before the first and between the last attempts to connect again; each wait is twice the one before."""


class RemoteSession:
    """Follows a run through ssh.

        connected:  pass on what the host sends
        cut off:    say so once, refuse commands, connect again after 1, 2, 4, 8, 15, 15, ... seconds
        connected:  the new greeting has everything that happened in between; say how long the line was down

    What the other machine itself answers (there is no such run, the run is over) is final.

    Args:
        line: the running ssh, which has answered.
        can_steer: False refuses commands before they are sent.
    """

    def __init__(self, line: SshLine, *, can_steer: bool = True) -> None:
        self._address = line.address
        self.kind: SessionKind = "finished" if line.address.finished else "live"
        self.can_steer = can_steer
        self._line: SshLine | None = line
        self._session = self._follow(line)
        self._greeted = self._over = False
        self._cut_at: float | None = None
        """The time at which the line was cut; None while it holds."""
        self._wait, self._again_at = FIRST_WAIT, 0.0
        self._said = ""
        self._own_messages: list[Message] = []

    def _follow(self, line: SshLine) -> ClientSession:
        return ClientSession(line.link, can_steer=self.can_steer, exit_reason=lambda: line.reason)

    def drain(self) -> list[Message]:
        """Return the messages since the last call."""
        messages, self._own_messages = self._own_messages, []
        if self._over:
            return messages
        if self._line is None:
            if monotonic() < self._again_at:
                return messages
            self._line = SshLine(self._address, ask=False)
            self._session = self._follow(self._line)
        for message in self._session.drain():
            match message:
                case Greeting(states):
                    self._note_run([(state.run, state.started.path if state.started else "") for state in states])
                    messages.append(message)
                    if self._cut_at is not None:
                        seconds = monotonic() - self._cut_at
                        messages.append(Notice(f"connected to {self._address.host} again after {seconds:.0f} s"))
                    self._greeted, self._cut_at, self._wait, self._said = True, None, FIRST_WAIT, ""
                case Notice(text, fatal=True):
                    messages += self._ended(text)
                case _:
                    messages.append(message)
        return messages

    def _note_run(self, runs: list[tuple[str, str]]) -> None:
        """Ask for this very run next time: `last` may be another one by then."""
        if runs and not self._address.finished:
            run, path = runs[0]
            self._address = self._address.of(path or run)

    def _ended(self, text: str) -> list[Message]:
        """Return what the end of a line means: the end of the session, or a cut."""
        line, self._line = self._line, None
        assert line is not None
        if not self._greeted or line.exit_code not in (BROKEN, None) or self._session.all_over:
            self._over = True
            return [Notice(text, fatal=True)]
        if self._cut_at is None:
            self._cut_at = monotonic()
        self._again_at = monotonic() + self._wait
        self._wait = min(2 * self._wait, LONGEST_WAIT)
        if text == self._said:
            return []
        self._said = text
        return [Notice(f"{text}; this screen connects again by itself", cut_off=True)]

    def send(self, command: AnyCommand) -> None:
        """Send a command to the host; refuse it while the line is cut."""
        if self._over or self._cut_at is None:
            self._session.send(command)
        else:
            reason = f"the connection to {self._address.host} is lost; it is being made again"
            self._own_messages.append(ev.Refused(reason=reason, cause=command))

    def close(self) -> None:
        """Disconnect. The run continues."""
        self._over = True
        self._session.close()
        if self._line is not None:
            self._line.close()


def remote_session(address: Address, *, can_steer: bool = True, ask: bool = True) -> RemoteSession:
    """Connect to a run on another machine.

    Args:
        address: the run.
        can_steer: False refuses commands before they are sent.
        ask: whether ssh may ask for a password on the terminal.

    Raises:
        UserError: it cannot be reached, or has no such run.
    """
    line = SshLine(address, ask=ask)
    line.wait_for_answer()
    return RemoteSession(line, can_steer=can_steer)
