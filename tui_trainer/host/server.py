"""The socket of a host: any number of viewers of one user, none of whom can slow the training down."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import socket
import struct
from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.requests import decode_request, encode_error, encode_response, to_command
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import MAX_COMMAND, BadLine, decode_command, encode_event
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.wire_format import ASK
from tui_trainer.state.greeting import encode_greeting
from tui_trainer.state.run_state import RunState

MAX_OUTBOX = 4 << 20
"""Bytes that wait for a viewer at most. One that takes no more is given a fresh state when it reads again."""
AT_ONCE = 1 << 18
"""Bytes of lines that are sent together."""
MAX_VIEWERS = 64
MAX_ASKED = 64
"""Wishes in words, the newest, whose events are put into words for who asked."""
MAX_FOOLISH = 20
"""Lines that make no sense after which a client is let go."""


class Viewer:
    """One connected viewer, as the host sees it.

    Lines are queued by whoever publishes, under the hub's lock, and sent by the thread that serves: each side counts
    its own bytes.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.outbox: deque[bytes | memoryview] = deque()
        self.queued = 0
        self.sent = 0
        self.stuck = False
        """Whether it takes no more for now: what waits is not looked at again before it does."""
        self.behind = False
        """Whether events were dropped, so that only a fresh state can help."""
        self.inbox = b""
        self.foolish = 0
        self.asked: deque[str] = deque(maxlen=MAX_ASKED)
        """Ids of its wishes in words: each event that one of them causes is put into words for it."""

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Keep an event's line for the viewer, unless too many bytes wait already."""
        self.queue(line)
        if self.asked and event.cause is not None and event.cause.id in self.asked:
            self.queue(encode_response(event.cause.id, event))

    def queue(self, line: bytes) -> None:
        """Keep a line for the viewer, unless too many bytes wait already."""
        if self.behind:
            return
        if self.queued - self.sent + len(line) > MAX_OUTBOX:
            self.behind = True
            return
        self.outbox.append(line)
        self.queued += len(line)

    def restart(self) -> None:
        """What was handed out before is void: a fresh state follows what is already on its way."""
        self.behind = True

    def send_snapshot(self, states: list[RunState]) -> None:
        """Start anew from these states: nothing else waits when this is called."""
        line = encode_greeting(states)
        self.behind = False
        self.outbox.append(line)
        self.queued = self.sent + len(line)


class Server:
    """Accepts viewers on a Unix socket and moves lines both ways, without ever blocking.

    Args:
        path: where to listen; the directory is private to the user, and so is the socket.
        hub: where events come from.
        obey: takes every command; called in the thread that serves.
    """

    def __init__(self, path: Path, bus: EventBus, obey: Callable[[AnyCommand], str | None]) -> None:
        self.path = path
        self._bus = bus
        self._obey = obey
        self._listener = _listen(path)
        self._inode = os.stat(path).st_ino
        self.viewers: list[Viewer] = []

    def register(self, selector: selectors.BaseSelector) -> None:
        """Have the selector wait for new viewers too."""
        self._selector = selector
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self, mask: int) -> None:
        del mask
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self.viewers) >= MAX_VIEWERS or not _same_user(connection):
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
        """Obey the commands that have come; False when the viewer has gone or talks nonsense."""
        try:
            data = viewer.connection.recv(1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        *lines, viewer.inbox = (viewer.inbox + data).split(b"\n")
        for line in lines:
            if not self._command(viewer, line):
                return False
        return len(viewer.inbox) <= MAX_COMMAND

    def _command(self, viewer: Viewer, line: bytes) -> bool:
        if len(line) > MAX_COMMAND:
            return False
        try:
            command = self._asked(viewer, line) if line.startswith(ASK) else decode_command(line)
        except BadLine as error:
            viewer.foolish += 1
            viewer.queue(encode_event(ev.Refused(reason=f"not understood: {error}"[:500])))
            return viewer.foolish <= MAX_FOOLISH
        reason = self._obey(command) if command is not None else None
        if reason is not None:
            refusal = ev.Refused(reason=reason, cause=command)
            viewer.put(refusal, encode_event(refusal))
        return True

    def _asked(self, viewer: Viewer, line: bytes) -> AnyCommand | None:
        """The command of a wish in words; None where it makes no sense, and that has been said. Raises `BadLine`."""
        wish = decode_request(line)
        try:
            command = to_command(wish)
        except UserError as error:
            viewer.queue(encode_error(wish.id, error))
            return None
        viewer.asked.append(wish.id)
        return command

    def flush(self) -> None:
        """Send what waits, as far as it goes."""
        for viewer in list(self.viewers):
            if not viewer.stuck:
                self._flush(viewer)

    def _flush(self, viewer: Viewer) -> None:
        try:
            while viewer.outbox:
                data, sent = _together(viewer.outbox), 0
                try:
                    sent = viewer.connection.send(data)
                finally:
                    viewer.sent += sent
                    if sent < len(data):
                        viewer.outbox.appendleft(memoryview(data)[sent:])
            if viewer.behind:
                self._bus.subscribe(viewer, viewer.send_snapshot)
                self._flush(viewer)
                return
        except BlockingIOError:
            viewer.stuck = True
        except OSError:
            self._drop(viewer)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if viewer.outbox else 0)
        key = self._selector.get_key(viewer.connection)
        if key.events != wanted:
            self._selector.modify(viewer.connection, wanted, key.data)

    def _drop(self, viewer: Viewer) -> None:
        self._bus.unsubscribe(viewer)
        if viewer in self.viewers:
            self.viewers.remove(viewer)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(viewer.connection)
        viewer.connection.close()

    @property
    def idle(self) -> bool:
        """Whether everything has been sent to everyone."""
        return not any(viewer.outbox or viewer.behind for viewer in self.viewers)

    def close(self) -> None:
        """Let everyone go and remove the socket, unless another host's stands in its place."""
        for viewer in list(self.viewers):
            self._drop(viewer)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self._listener)
        self._listener.close()
        with contextlib.suppress(OSError):
            if os.stat(self.path).st_ino == self._inode:
                self.path.unlink()


def _together(outbox: deque[bytes | memoryview]) -> bytes | memoryview:
    """Lines for one call: each call gives the interpreter's lock away, and asks for it again."""
    first = outbox.popleft()
    if not outbox or len(first) >= AT_ONCE:
        return first
    lines, size = [first], len(first)
    while outbox and size < AT_ONCE:
        lines.append(outbox.popleft())
        size += len(lines[-1])
    return b"".join(lines)


def _listen(path: Path) -> socket.socket:
    """Bind and listen, one host at a time: a socket that is bound and does not listen yet looks like a stale one."""
    with _alone(path.parent):
        sweep(path.parent, but=path)
        if path.exists():
            if answers(path):
                raise UserError("another host listens for this run already; `tui-trainer attach` joins it")
            path.unlink()
        return _bound(path)


@contextlib.contextmanager
def _alone(directory: Path) -> Generator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)  # the directory itself: a lock file would stay behind
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sweep(directory: Path, but: Path) -> None:
    """Remove the other sockets on which nobody listens any more, and their notes: their hosts were killed."""
    for path in directory.glob("*.sock"):
        if path == but or answers(path):
            continue
        for left in (path, path.with_suffix(".json"), path.with_suffix(".log")):
            with contextlib.suppress(OSError):
                left.unlink()


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | getattr(socket, "SOCK_CLOEXEC", 0))
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


def answers(path: Path) -> bool:
    """Whether somebody listens on a socket; one that is too busy to answer does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True


def _same_user(connection: socket.socket) -> bool:
    """Whether the other end runs as this user; where the system cannot say, the directory's mode has to do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1] == os.getuid()
