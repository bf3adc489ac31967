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
from tui_trainer.protocol.codec import MAX_LINE, BadLine, decode_event
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.requests import encode_request
from tui_trainer.runs.run_list import Announced
from tui_trainer.session.base import Message, Notice
from tui_trainer.state.greeting import decode_greeting, is_greeting

MAX_READ = 8 << 20
"""Bytes received from the host in one drain: more would delay the screen."""
START_TIMEOUT = 120.0
"""Seconds within which a new host must listen, on a busy machine or from a slow disk too; one that ends is noticed."""


class Link(Protocol):
    """A byte stream to a host and back. No method blocks."""

    def connect(self) -> bool:
        """Return whether the stream is connected. Raises `OSError` where it never will be."""
        ...

    def receive(self) -> bytes | None:
        """Return received bytes, None if there are none yet, empty at the end of the stream."""
        ...

    def send(self, data: bytes) -> int:
        """Send bytes and return how many were accepted."""
        ...

    def close(self) -> None:
        """Close the stream."""
        ...


class SocketLink:
    """The Unix socket of a host on this machine.

    Args:
        path: the socket.
        alive: returns whether a host that does not listen yet is still running; None for a host that already listens.
        timeout: seconds within which it must listen; 0 for the usual ones.
    """

    def __init__(self, path: Path, alive: Callable[[], bool] | None = None, timeout: float = 0.0) -> None:
        self._path = path
        self._alive = alive
        self._socket: socket.socket | None = None
        self._deadline = monotonic() + (timeout or START_TIMEOUT)

    def connect(self) -> bool:
        """Connect. Returns False if a running host does not listen yet."""
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
        """Return received bytes, None if there are none yet, empty at the end of the stream."""
        assert self._socket is not None
        try:
            return self._socket.recv(1 << 18)
        except BlockingIOError:
            return None

    def send(self, data: bytes) -> int:
        """Send bytes and return how many the socket accepted."""
        assert self._socket is not None
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Close the stream."""
        if self._socket is not None:
            self._socket.close()


class PipeLink:
    """A byte stream through the standard streams of a process, such as `ssh host tui-trainer bridge`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._ahead = b""

    def put_back(self, data: bytes) -> None:
        """Return these bytes first from the next `receive`."""
        self._ahead = data + self._ahead

    def connect(self) -> bool:
        """Return True: the pipes are open from the start."""
        return True

    def receive(self) -> bytes | None:
        """Return received bytes, None if there are none yet, empty at the end of the stream."""
        if self._ahead:
            data, self._ahead = self._ahead, b""
            return data
        try:
            return os.read(self._out, 1 << 18)
        except BlockingIOError:
            return None

    def send(self, data: bytes) -> int:
        """Send bytes and return how many the pipe accepted."""
        try:
            return os.write(self._in, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Close the pipes and end the process."""
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        with contextlib.suppress(OSError):
            self._process.terminate()


class ClientSession:
    """A session with a host in another process.

    Args:
        link: the byte stream to the host.
        can_steer: False refuses commands before they are sent.
        exit_reason: returns in one line why a host disconnected before its runs were over.
        folders: its run directories, so that a new host can resume them.
        announced: the runs that a host was just launched with.
    """

    kind: Literal["live"] = "live"

    def __init__(
        self,
        link: Link,
        *,
        can_steer: bool = True,
        exit_reason: Callable[[], str] = lambda: "the host is gone",
        folders: tuple[str, ...] = (),
        announced: tuple[Announced, ...] = (),
    ) -> None:
        self.can_steer = can_steer
        self.announced = announced
        self._link = link
        self._exit_reason = exit_reason
        self._folders = folders
        self._receive_buffer: list[bytes] = []
        self._receive_buffer_bytes = 0
        self._send_buffer: deque[bytes] = deque()
        self._own_messages: list[Message] = []
        self._over = False
        self._finished: set[str] = set()
        self._runs: set[str] = set()

    @property
    def all_over(self) -> bool:
        """Whether every run of the host has ended."""
        return bool(self._runs) and self._finished >= self._runs

    def drain(self) -> list[Message]:
        """Return the messages since the last call."""
        messages, self._own_messages = self._own_messages, []
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
        received = 0
        while received < MAX_READ:
            data = self._link.receive()
            if data is None:
                break
            if not data:
                messages.append(self._end(""))
                break
            received += len(data)
            messages += self._lines(data)
        return messages

    def _lines(self, data: bytes) -> list[Message]:
        first, *others = data.split(b"\n")
        self._receive_buffer.append(first)
        self._receive_buffer_bytes += len(first)
        if not others:
            if self._receive_buffer_bytes > MAX_LINE:
                raise OSError("the host sent a line that does not end")
            return []
        lines = [b"".join(self._receive_buffer), *others[:-1]]
        self._receive_buffer, self._receive_buffer_bytes = [others[-1]], len(others[-1])
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
            return Notice(f"skipped a line from the host: {error}")
        if isinstance(event, ev.RunFinished):
            self._finished.add(event.run)
        return event

    def _end(self, reason: str) -> Notice:
        """Close after the end of the stream: the last run is over, or the host died."""
        self._over = True
        self._link.close()
        if self.all_over:
            return Notice("the host has finished", fatal=True)
        return Notice(self._exit_reason() or reason or "the host is gone", fatal=True, folders=self._folders)

    def _send(self) -> None:
        while self._send_buffer:
            line = self._send_buffer[0]
            sent = self._link.send(line)
            if sent < len(line):
                self._send_buffer[0] = line[sent:]
                return
            self._send_buffer.popleft()

    def send(self, command: AnyCommand) -> None:
        """Send a command to the host."""
        if self._over:
            self._own_messages.append(ev.Refused(reason="the host is gone", cause=command))
        elif not self.can_steer:
            self._own_messages.append(ev.Refused(reason="this viewer is read-only", cause=command))
        else:
            self._send_buffer.append(encode_request(command))
            with contextlib.suppress(OSError):
                if self._link.connect():
                    self._send()

    def close(self) -> None:
        """Send what is buffered and disconnect."""
        self._over = True
        with contextlib.suppress(OSError, AssertionError):
            self._send()
        self._link.close()


def connect(path: Path, *, can_steer: bool = True) -> ClientSession:
    """Connect to the host that listens on `path`. Raises `UserError` where none does."""
    link = SocketLink(path)
    try:
        link.connect()
    except OSError as error:
        raise UserError(f"no host is listening on {path}: {error.strerror}") from None
    return ClientSession(link, can_steer=can_steer)
