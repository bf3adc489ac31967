"""A session with a host in this process: for debuggers, notebooks, systems without Unix sockets, and tests.

    host thread:    import the host, subscribe this session, serve until the last run is over
    trainer thread: publish events on the event bus, which calls put(): append to the event buffer
    viewer:         drain() takes the event buffer, send() submits a command to the host

The event buffer holds what the viewer has not drained. A viewer that drains too slowly is sent a fresh state instead.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from tui_trainer.host.spec import HostSpec
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.session.base import Greeting, Message, Notice

if TYPE_CHECKING:
    from tui_trainer.host.host import Host
    from tui_trainer.host.log_capture import LogCapture

MAX_EVENT_BUFFER = 50_000
"""Events that are buffered for a slow viewer at most; after that it receives a fresh state at its next drain."""


class InProcessSession:
    """The same host and the same events as in another process, without a socket. The host runs in threads of its own.

    Args:
        spec: the runs.
        output: captured output to publish, where the caller redirected descriptors 1 and 2.
        listen: whether viewers in other processes may connect too.
    """

    kind: Literal["in-process"] = "in-process"
    can_steer = True

    def __init__(self, spec: HostSpec, *, output: LogCapture | None = None, listen: bool = True) -> None:
        self._spec = spec
        self._output = output
        self._listen = listen
        self._event_buffer: list[ev.AnyEvent] = []
        self._own_messages: list[Message] = [Greeting(())]
        self._behind = False
        self._over = self._closed = False
        self._host: Host | None = None
        self.exit_code = 0
        self._subscribed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="host", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        # Importing the host takes a tenth of a second (psutil and more): do it outside the screen's thread.
        from tui_trainer.host.host import Host

        self._host = Host(self._spec, output=self._output, listen=self._listen, handle_signals=False)
        self._host.bus.subscribe(self, lambda states: None)
        self._own_messages.append(Greeting(tuple(self._host.bus.states())))
        self._subscribed.set()
        self.exit_code = self._host.serve()

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Buffer an event. Called in the publishing thread."""
        if len(self._event_buffer) >= MAX_EVENT_BUFFER:
            self._behind = True
        if not self._behind:
            self._event_buffer.append(event)

    def restart(self) -> None:
        """Discard the buffered events; the next drain starts from a fresh state."""
        self._behind = True

    def drain(self) -> list[Message]:
        """Return the messages since the last call."""
        messages, self._own_messages = self._own_messages, []
        if self._behind and self._host is not None:
            self._event_buffer = []
            self._behind = False
            messages.append(Greeting(tuple(self._host.bus.states())))
        # Swapping the list is atomic: no event is lost between the two.
        events, self._event_buffer = self._event_buffer, []
        messages += events
        if not self._over and self._subscribed.is_set() and not self._thread.is_alive() and not self._event_buffer:
            self._over = True
            messages.append(Notice("the host has finished", fatal=True))
        return messages

    def send(self, command: AnyCommand) -> None:
        """Submit a command to the host."""
        if not self._subscribed.wait(5.0) or self._host is None:
            self._own_messages.append(ev.Refused(reason="the host is still starting", cause=command))
            return
        # What comes after the screen was closed is the program's own: no wheel may keep it from ending.
        reason = self._host.submit(command) if self._closed else self._host.gate.submit(command, self)
        if reason is not None:
            self._own_messages.append(ev.Refused(reason=reason, cause=command))

    def close(self) -> None:
        """Unsubscribe. The run continues for as long as this process lives."""
        self._closed = True
        if self._host is not None:
            self._host.bus.unsubscribe(self)
            self._host.gate.gone(self)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the host has ended. Returns False after a timeout."""
        self._thread.join(timeout)
        return not self._thread.is_alive()
