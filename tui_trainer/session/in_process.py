"""A session with a host in this very process: for debuggers, notebooks, systems without Unix sockets, and tests."""

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

MAX_WAITING = 50_000
"""Events that wait for a viewer at most; one that takes no more is given a fresh state when it drains again."""


class InProcessSession:
    """The same host, the same events, without a wire. The host trains in threads of its own.

    Args:
        spec: the runs.
        output: captured output to pass on, where the caller redirected it.
        listen: whether viewers in other processes may join too.
    """

    kind: Literal["in-process"] = "in-process"
    can_steer = True

    def __init__(self, spec: HostSpec, *, output: LogCapture | None = None, listen: bool = True) -> None:
        self._spec = spec
        self._output = output
        self._listen = listen
        self._events: list[ev.AnyEvent] = []
        self._local: list[Message] = [Greeting(())]
        self._behind = False
        self._over = False
        self._host: Host | None = None
        self.exit_code = 0
        self._joined = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="host", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        # The host's modules are imported here, off the screen's thread: psutil and the rest cost a tenth of a second.
        from tui_trainer.host.host import Host

        self._host = Host(self._spec, output=self._output, listen=self._listen, handle_signals=False)
        self._host.bus.subscribe(self, lambda states: None)
        self._local.append(Greeting(tuple(self._host.bus.states())))
        self._joined.set()
        self.exit_code = self._host.serve()

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """An event of the host, in the thread that published it."""
        del line
        if len(self._events) >= MAX_WAITING:
            self._behind = True
        if not self._behind:
            self._events.append(event)

    def restart(self) -> None:
        """What was handed out before is void."""
        self._behind = True

    def drain(self) -> list[Message]:
        """What has come since the last call."""
        messages, self._local = self._local, []
        if self._behind and self._host is not None:
            self._events = []
            self._behind = False
            messages.append(Greeting(tuple(self._host.bus.states())))
        # Swapping the list is one operation of the interpreter: no event falls between.
        events, self._events = self._events, []
        messages += events
        if not self._over and self._joined.is_set() and not self._thread.is_alive() and not self._events:
            self._over = True
            messages.append(Notice("the host has finished", fatal=True))
        return messages

    def send(self, command: AnyCommand) -> None:
        """Ask the host for something."""
        if not self._joined.wait(5.0) or self._host is None:
            self._local.append(ev.Refused(reason="the host is still starting", cause=command))
            return
        reason = self._host.obey(command)
        if reason is not None:
            self._local.append(ev.Refused(reason=reason, cause=command))

    def close(self) -> None:
        """Leave. The run goes on for as long as this process lives."""
        if self._host is not None:
            self._host.bus.unsubscribe(self)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the host to be done; whether it is."""
        self._thread.join(timeout)
        return not self._thread.is_alive()
