"""The watching process's end of the connection to the process that is the run."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tui_trainer.platform_support import peer_user
from tui_trainer.protocol.codec import MAX_LINE, BadLine, decode_event
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import AnyEvent

MAX_ASKING = 256
"""Processes that may ask to be the run at a time: each rank of a large training does."""


class AgentLink:
    """Listens for processes that take steps; the first of them is the run, until it ends.

    Args:
        path: the socket.
        answer: what the run is told.
        event: takes each event of the run.
        message: takes what is no event.
        watch, unwatch: have the turns of the host look at a file.
    """

    def __init__(
        self,
        path: Path,
        answer: dict[str, Any],
        event: Callable[[AnyEvent], None],
        message: Callable[[dict[str, Any]], None],
        watch: Callable[[Any, Callable[[], None]], None],
        unwatch: Callable[[Any], None],
    ) -> None:
        self.path, self._answer = path, answer
        self._event, self._message = event, message
        self._watch, self._unwatch = watch, unwatch
        self._run: socket.socket | None = None
        self._buffer = b""
        self._asking: list[socket.socket] = []
        self.was_there = False
        """Whether a process was the run."""
        with contextlib.suppress(OSError):
            path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        os.chmod(path, 0o600)
        self._listener.listen(MAX_ASKING)
        self._listener.setblocking(False)
        watch(self._listener, self._accept)

    @property
    def connected(self) -> bool:
        """Whether a process of the script is the run."""
        return self._run is not None

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if peer_user(connection) not in (None, os.getuid()) or len(self._asking) >= MAX_ASKING:
            connection.close()
            return
        connection.settimeout(1.0)
        self._asking.append(connection)
        self._watch(connection, lambda: self._asked(connection))

    def _asked(self, connection: socket.socket) -> None:
        """Answer a process that asks to be the run."""
        self._unwatch(connection)
        self._asking.remove(connection)
        try:
            asks = b'"claim"' in connection.recv(1 << 12)
            first = asks and not self.was_there
            answer = {"claimed": True, **self._answer} if first else {"claimed": False}
            connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            connection.close()
            return
        if not first:
            connection.close()
            return
        connection.setblocking(False)
        self._run, self.was_there = connection, True
        self._watch(connection, self.receive)

    def receive(self) -> None:
        """Take what the run sent; notice its end."""
        run = self._run
        if run is None:
            return
        try:
            data = run.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(line + b"\n")
        if not data or len(self._buffer) > MAX_LINE:
            self._unwatch(run)
            run.close()
            self._run, self._buffer = None, b""

    def _take(self, line: bytes) -> None:
        if line.startswith((b'{"described"', b'{"interrupt"', b'{"mirror"', b'{"sync"')):
            with contextlib.suppress(ValueError):
                self._message(json.loads(line))
            return
        with contextlib.suppress(BadLine):
            self._event(decode_event(line))

    def _send(self, message: dict[str, Any]) -> None:
        run = self._run
        if run is None:
            return
        try:
            run.settimeout(1.0)
            run.sendall(json.dumps(message).encode() + b"\n")
            run.setblocking(False)
        except OSError:
            self._unwatch(run)
            run.close()
            self._run = None

    def send(self, command: AnyCommand) -> None:
        """Pass a command on to the run."""
        self._send({"command": command.model_dump(mode="json")})

    def feed(self, feed: dict[str, Any]) -> None:
        """Pass numbers that were found in the output on to the run."""
        self._send({"feed": feed})

    def synced(self) -> None:
        """Tell the run that it was given all that it printed."""
        self._send({"synced": True})

    def close(self) -> None:
        """Listen no more."""
        for connection in (self._listener, *self._asking, *([self._run] if self._run is not None else [])):
            self._unwatch(connection)
            connection.close()
        self._run = None
        with contextlib.suppress(OSError):
            self.path.unlink()
