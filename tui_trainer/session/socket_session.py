"""A session with a host in another process, over its socket or over a pair of pipes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Literal, Protocol

from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import MAX_LINE, BadLine, decode_event, encode_command
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.session.base import Message, Notice
from tui_trainer.state.greeting import decode_greeting, is_greeting

MAX_READ = 8 << 20
"""Bytes taken from the host in one drain: more would hold up the screen."""
PATIENCE = 30.0
"""Seconds that a host may take to listen."""


class Link(Protocol):
    """A byte stream to a host and back. Nothing in it blocks."""

    def connect(self) -> bool:
        """Whether the stream is there. Raises `OSError` where it never will be."""
        ...

    def receive(self) -> bytes | None:
        """What has come, None where nothing has, empty at the end."""
        ...

    def send(self, data: bytes) -> int:
        """How many of the bytes were taken."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class SocketLink:
    """The Unix socket of a host on this machine.

    Args:
        path: the socket.
        alive: says whether a host that does not listen yet may still come to; None where it listens already or never.
    """

    def __init__(self, path: Path, alive: Callable[[], bool] | None = None) -> None:
        self._path = path
        self._alive = alive
        self._socket: socket.socket | None = None
        self._deadline = monotonic() + PATIENCE

    def connect(self) -> bool:
        """Connect, or find that the host does not listen yet."""
        if self._socket is not None:
            return True
        attempt = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            attempt.connect(str(self._path))
        except OSError:
            attempt.close()
            if self._alive is None or not self._alive() or monotonic() > self._deadline:
                raise
            return False
        attempt.setblocking(False)
        self._socket = attempt
        return True

    def receive(self) -> bytes | None:
        """What has come."""
        assert self._socket is not None
        try:
            return self._socket.recv(1 << 18)
        except BlockingIOError:
            return None

    def send(self, data: bytes) -> int:
        """Send what the socket takes."""
        assert self._socket is not None
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Let go."""
        if self._socket is not None:
            self._socket.close()


class PipeLink:
    """The same protocol through the standard streams of a process, such as `ssh host tui-trainer bridge`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    def connect(self) -> bool:
        """The process is the stream."""
        return True

    def receive(self) -> bytes | None:
        """What has come."""
        try:
            return os.read(self._out, 1 << 18)
        except BlockingIOError:
            return None

    def send(self, data: bytes) -> int:
        """Send what the pipe takes."""
        try:
            return os.write(self._in, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Close the pipes and let the process go."""
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        with contextlib.suppress(OSError):
            self._process.terminate()


class ClientSession:
    """The viewer's end of a host.

    Args:
        link: the stream.
        can_steer: False refuses commands before they are sent.
        epitaph: says what became of a host that fell silent, in one line.
        folders: where its runs are, so that another host can go on with them.
    """

    kind: Literal["live"] = "live"

    def __init__(
        self,
        link: Link,
        *,
        can_steer: bool = True,
        epitaph: Callable[[], str] = lambda: "the host is gone",
        folders: tuple[str, ...] = (),
    ) -> None:
        self.can_steer = can_steer
        self._link = link
        self._epitaph = epitaph
        self._folders = folders
        self._rest: list[bytes] = []
        self._rest_size = 0
        self._outbox: deque[bytes] = deque()
        self._local: list[Message] = []
        self._over = False
        self._finished: set[str] = set()
        self._runs: set[str] = set()

    def drain(self) -> list[Message]:
        """What has come since the last call."""
        messages, self._local = self._local, []
        if self._over:
            return messages
        try:
            if not self._link.connect():
                return messages
            self._send()
            messages += self._receive()
        except OSError as error:
            messages.append(self._end(error.strerror or str(error)))
        return messages

    def _receive(self) -> list[Message]:
        messages: list[Message] = []
        taken = 0
        while taken < MAX_READ:
            data = self._link.receive()
            if data is None:
                break
            if not data:
                messages.append(self._end(""))
                break
            taken += len(data)
            messages += self._lines(data)
        return messages

    def _lines(self, data: bytes) -> list[Message]:
        first, *others = data.split(b"\n")
        self._rest.append(first)
        self._rest_size += len(first)
        if not others:
            if self._rest_size > MAX_LINE:
                raise OSError("the host sent a line without an end")
            return []
        lines = [b"".join(self._rest), *others[:-1]]
        self._rest, self._rest_size = [others[-1]], len(others[-1])
        return [message for line in lines if line and (message := self._message(line)) is not None]

    def _message(self, line: bytes) -> Message | None:
        try:
            if is_greeting(line):
                greeting = decode_greeting(line)
                self._runs = {state.run for state in greeting.states}
                self._finished = {state.run for state in greeting.states if state.over}
                return greeting
            event = decode_event(line)
        except BadLine as error:
            return Notice(f"a line from the host was skipped: {error}")
        if isinstance(event, ev.RunFinished):
            self._finished.add(event.run)
        return event

    def _end(self, reason: str) -> Notice:
        """The stream is over: as it should be after the last run, or because the host died."""
        self._over = True
        self._link.close()
        if self._runs and self._finished >= self._runs:
            return Notice("the host has finished", fatal=True)
        return Notice(self._epitaph() or reason or "the host is gone", fatal=True, folders=self._folders)

    def _send(self) -> None:
        while self._outbox:
            line = self._outbox[0]
            sent = self._link.send(line)
            if sent < len(line):
                self._outbox[0] = line[sent:]
                return
            self._outbox.popleft()

    def send(self, command: AnyCommand) -> None:
        """Ask the host for something."""
        if self._over:
            self._local.append(ev.Refused(reason="the host is gone", cause=command))
        elif not self.can_steer:
            self._local.append(ev.Refused(reason="read only: this viewer may not steer", cause=command))
        else:
            self._outbox.append(encode_command(command))
            with contextlib.suppress(OSError):
                if self._link.connect():
                    self._send()

    def close(self) -> None:
        """Leave; what was asked is sent before."""
        self._over = True
        with contextlib.suppress(OSError, AssertionError):
            self._send()
        self._link.close()


def connect(path: Path, *, can_steer: bool = True) -> ClientSession:
    """Join the host that listens on `path`. Raises `UserError` where none does."""
    link = SocketLink(path)
    try:
        link.connect()
    except OSError as error:
        raise UserError(f"nobody listens on {path}: {error.strerror}") from None
    return ClientSession(link, can_steer=can_steer)
