"""The socket of a host: viewers and scripts of the same user connect to it.

    a client connects:   check its user, subscribe it to the event bus; the greeting with all states is its first line
    a line arrives:      decode the request, submit its command; a request that cannot be submitted is refused at once
    an event happens:    the bus puts its line into every client's send buffer, from the publishing thread
    a turn of the host:  flush() sends the send buffers as far as the sockets take them

Nothing here blocks. The send buffer exists because a client may read slowly, and training must not wait for it. When it
is full, further lines are dropped, and the client is sent a fresh greeting once it reads again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.host.event_bus import EventBus
from tui_trainer.platform_support import is_listening, peer_user
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import MAX_COMMAND, BadLine, encode_event
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.requests import decode_request, encode_error, encode_response
from tui_trainer.state.greeting import encode_greeting
from tui_trainer.state.run_state import RunState

MAX_SEND_BUFFER = 4 << 20
"""Bytes that are queued for one viewer at most. A viewer that falls further behind is sent a fresh state later."""
MAX_SEND = 1 << 18
"""Bytes of queued lines that one call sends."""
MAX_VIEWERS = 64
"""Clients that may be connected at a time."""
MAX_TEXT_REQUESTS = 64
"""Requests of one client, the newest, whose events are answered in words too."""
MAX_BAD_LINES = 20
"""Invalid lines after which a client is disconnected."""


class Viewer:
    """One connected viewer, as the host sees it.

    The publishing thread queues lines under the bus's lock, and the serving thread sends them. Each counts its own
    bytes, so that neither needs a lock of its own.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.send_buffer: deque[bytes | memoryview] = deque()
        """Lines that the socket has not taken yet."""
        self.queued = 0
        self.sent = 0
        self.stuck = False
        """Whether its socket is full: nothing is sent before the selector reports that it is writable."""
        self.behind = False
        """Whether events were dropped, so that it needs a fresh state."""
        self.receive_buffer = b""
        """The beginning of a line that has not arrived completely."""
        self.bad_lines = 0
        self.text_requests: deque[str] = deque(maxlen=MAX_TEXT_REQUESTS)
        """Ids of its requests for an answer in words: each event that one of them causes is sent in words too."""

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Queue an event's line, and its `Answer` where the viewer asked for the event in a request."""
        self.queue(line)
        if self.text_requests and event.cause is not None and event.cause.id in self.text_requests:
            self.queue(encode_response(event.cause.id, event))

    def queue(self, line: bytes) -> None:
        """Queue a line, unless MAX_SEND_BUFFER bytes are queued already."""
        if self.behind:
            return
        if self.queued - self.sent + len(line) > MAX_SEND_BUFFER:
            self.behind = True
            return
        self.send_buffer.append(line)
        self.queued += len(line)

    def restart(self) -> None:
        """Queue nothing more before a fresh state has been sent."""
        self.behind = True

    def send_snapshot(self, states: list[RunState]) -> None:
        """Queue a greeting with these states. The send buffer is empty when this is called."""
        line = encode_greeting(states)
        self.behind = False
        self.send_buffer.append(line)
        self.queued = self.sent + len(line)


class Server:
    """Accepts viewers on a Unix socket and moves lines both ways without blocking.

    Args:
        path: the socket to listen on; it and its directory are private to the user.
        bus: the source of the events.
        submit: queues a command of a viewer for its runs, or returns the reason why it cannot; called in the serving
            thread. The viewer is None for one that connects for a single request.
        gone: called with each viewer that is gone.
    """

    def __init__(
        self,
        path: Path,
        bus: EventBus,
        submit: Callable[[AnyCommand, Viewer | None], str | None],
        gone: Callable[[Viewer], None] = lambda viewer: None,
    ) -> None:
        self.path = path
        self._bus = bus
        self._submit = submit
        self._gone = gone
        self._listener = _listen(path)
        self._inode = os.stat(path).st_ino
        self.viewers: list[Viewer] = []

    def register(self, selector: selectors.BaseSelector) -> None:
        """Have the selector report new viewers and what they send."""
        self._selector = selector
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self, _mask: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self.viewers) >= MAX_VIEWERS or peer_user(connection) not in (None, os.getuid()):
            connection.close()
            return
        connection.setblocking(False)
        viewer = Viewer(connection)
        self.viewers.append(viewer)
        self._bus.subscribe(viewer, viewer.send_snapshot)
        self._selector.register(connection, selectors.EVENT_READ, partial(self._serve, viewer))
        self._flush(viewer)

    def _serve(self, viewer: Viewer, mask: int) -> None:
        if mask & selectors.EVENT_READ and not self._read(viewer):
            self._drop(viewer)
            return
        if mask & selectors.EVENT_WRITE:
            viewer.stuck = False
            self._flush(viewer)

    def _read(self, viewer: Viewer) -> bool:
        """Submit the commands that have arrived. Returns False for a viewer that left or sends invalid lines."""
        try:
            data = viewer.connection.recv(1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        *lines, viewer.receive_buffer = (viewer.receive_buffer + data).split(b"\n")
        for line in lines:
            if not self._handle(viewer, line):
                return False
        return len(viewer.receive_buffer) <= MAX_COMMAND

    def _handle(self, viewer: Viewer, line: bytes) -> bool:
        """Submit the command of a request. Returns False to disconnect the viewer."""
        if len(line) > MAX_COMMAND:
            return False
        try:
            request = decode_request(line)
        except BadLine as error:
            viewer.bad_lines += 1
            viewer.queue(encode_event(ev.Refused(reason=f"not understood: {error}"[:500])))
            return viewer.bad_lines <= MAX_BAD_LINES
        try:
            command = request.to_command()
        except UserError as error:
            viewer.queue(encode_error(request.id, error))
            return True
        if request.text:
            viewer.text_requests.append(request.id)
        reason = self._submit(command, None if request.text else viewer)
        if reason is not None:
            refusal = ev.Refused(reason=reason, cause=command)
            viewer.put(refusal, encode_event(refusal))
        return True

    def flush(self) -> None:
        """Send what is queued, as far as the sockets take it."""
        for viewer in list(self.viewers):
            if not viewer.stuck:
                self._flush(viewer)

    def _flush(self, viewer: Viewer) -> None:
        try:
            while viewer.send_buffer:
                data, sent = _next_chunk(viewer.send_buffer), 0
                try:
                    sent = viewer.connection.send(data)
                finally:
                    viewer.sent += sent
                    if sent < len(data):
                        viewer.send_buffer.appendleft(memoryview(data)[sent:])
            if viewer.behind:
                self._bus.subscribe(viewer, viewer.send_snapshot)
                self._flush(viewer)
                return
        except BlockingIOError:
            viewer.stuck = True
        except OSError:
            self._drop(viewer)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if viewer.send_buffer else 0)
        key = self._selector.get_key(viewer.connection)
        if key.events != events:
            self._selector.modify(viewer.connection, events, key.data)

    def _drop(self, viewer: Viewer) -> None:
        self._bus.unsubscribe(viewer)
        if viewer in self.viewers:
            self.viewers.remove(viewer)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(viewer.connection)
        viewer.connection.close()
        self._gone(viewer)

    @property
    def idle(self) -> bool:
        """Whether every viewer has been sent everything."""
        return not any(viewer.send_buffer or viewer.behind for viewer in self.viewers)

    def close(self) -> None:
        """Disconnect all viewers and remove the socket, unless another host has replaced it."""
        for viewer in list(self.viewers):
            self._drop(viewer)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self._listener)
        self._listener.close()
        with contextlib.suppress(OSError):
            if os.stat(self.path).st_ino == self._inode:
                self.path.unlink()


def _next_chunk(send_buffer: deque[bytes | memoryview]) -> bytes | memoryview:
    """Join queued lines up to MAX_SEND bytes: every `send` releases the interpreter lock and waits for it again."""
    first = send_buffer.popleft()
    if not send_buffer or len(first) >= MAX_SEND:
        return first
    lines, size = [first], len(first)
    while send_buffer and size < MAX_SEND:
        lines.append(send_buffer.popleft())
        size += len(lines[-1])
    return b"".join(lines)


def _listen(path: Path) -> socket.socket:
    """Bind and listen, one host at a time: a socket that is bound but does not listen yet looks like a stale one."""
    with _locked(path.parent):
        remove_stale_sockets(path.parent, except_for=path)
        if path.exists():
            if is_listening(path):
                raise UserError("another host is already training this run; join it with `tui-trainer attach`")
            path.unlink()
        return _bound(path)


@contextlib.contextmanager
def _locked(directory: Path) -> Generator[None]:
    """Hold the lock of the directory itself: a lock file would stay behind."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system may have no locks; then only a race of two hosts is lost
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def remove_stale_sockets(directory: Path, except_for: Path) -> None:
    """Remove the sockets, run lists and early logs of hosts that were killed."""
    for path in directory.glob("*.sock"):
        if path == except_for or is_listening(path):
            continue
        for stale in (path, path.with_suffix(".json"), path.with_suffix(".log")):
            with contextlib.suppress(OSError):
                stale.unlink()


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise UserError(f"cannot listen on {path}: {error.strerror or error}") from None
    finally:
        os.umask(before)
    listener.listen(16)
    listener.setblocking(False)
    return listener
