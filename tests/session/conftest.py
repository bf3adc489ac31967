"""Hosts for tests, in this process and in another, and a client that drains their sessions."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests.support import tiny_config, wait_for
from tui_trainer.config.preset import Preset
from tui_trainer.host.host import Host
from tui_trainer.host.spec import HostSpec, host_spec
from tui_trainer.paths import socket_path
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.session.base import Greeting, Message, Notice, Session
from tui_trainer.session.in_process import InProcessSession
from tui_trainer.session.launch import launch
from tui_trainer.session.socket_session import connect
from tui_trainer.state.run_state import RunState


class SessionClient:
    """A viewer without a screen: it drains a session, folds its events and keeps all messages."""

    opened: ClassVar[list[SessionClient]] = []

    def __init__(self, session: Session) -> None:
        self.session = session
        self.opened.append(self)
        self.messages: list[Message] = []
        self.states: dict[str, RunState] = {}
        self._ids = itertools.count()

    def tick(self) -> None:
        for message in self.session.drain():
            self.messages.append(message)
            if isinstance(message, Greeting):
                self.states = {state.run: state for state in message.states}
            elif isinstance(message, ev.Event):
                self.states[message.run].apply(message) if message.run in self.states else None

    def until(self, condition: Callable[[], object], what: str = "the condition") -> object:
        def look():
            self.tick()
            return condition()

        return wait_for(look, what=what)

    @property
    def state(self) -> RunState:
        return next(iter(self.states.values()), RunState())

    def ask(self, command: cmd.Command) -> ev.Event:
        """Send a command and wait for its answer."""
        stamped = command.model_copy(update={"id": f"{id(self)}-{next(self._ids)}", "by": "test"})
        self.session.send(stamped)

        def answer():
            return next(
                (
                    m
                    for m in self.messages
                    if isinstance(m, ev.Event) and m.cause is not None and m.cause.id == stamped.id
                ),
                None,
            )

        event = self.until(answer, f"the answer to {type(command).__name__}")
        assert isinstance(event, ev.Event)
        return event

    def notices(self) -> list[Notice]:
        return [message for message in self.messages if isinstance(message, Notice)]


@pytest.fixture(autouse=True)
def private_sockets(tmp_path_factory, monkeypatch):
    """Put sockets in a directory of the test, and close the sessions that are open at its end."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("s")))
    yield
    while SessionClient.opened:
        SessionClient.opened.pop().session.close()


@dataclasses.dataclass
class Running:
    """A live run: its spec, a first client, and a function that connects another one."""

    spec: HostSpec
    watcher: SessionClient
    join: Callable[[], SessionClient]
    folder: Path


def spec_for(tmp_path: Path, **tables) -> HostSpec:
    preset = Preset(name="tiny", source="test", runs={"": tiny_config(**tables)})
    return host_spec(preset, str(tmp_path / "runs"), "run", ["test"])


@pytest.fixture(params=["in-process", "socket"])
def running(request, tmp_path) -> Iterator[Running]:
    """A run that trains until it is stopped, over each transport."""
    spec = spec_for(tmp_path, training={"epochs": 1_000_000, "steps_per_second": 2000})
    if request.param == "in-process":
        session = InProcessSession(spec)
        watcher = SessionClient(session)
    else:
        launched = launch(spec)
        watcher = SessionClient(launched.session())
    made = Running(spec, watcher, lambda: SessionClient(connect(Path(spec.socket))), Path(spec.runs[0].path))
    watcher.until(lambda: watcher.state.step > 20, "the first steps")
    yield made
    if not watcher.state.over:
        watcher.session.send(cmd.Stop())
        watcher.session.send(cmd.Stop())
        watcher.until(lambda: watcher.state.over or watcher.notices(), "the end of the run")
    watcher.session.close()
    if request.param == "socket":
        launched.process.wait(120)
    else:
        assert session.join(120)


def run_host(spec: HostSpec, **options) -> tuple[Host, threading.Thread]:
    """A host that serves in a thread of this process."""
    host = Host(spec, handle_signals=False, **options)
    thread = threading.Thread(target=host.serve, daemon=True)
    thread.start()
    return host, thread


__all__ = ["Running", "SessionClient", "run_host", "socket_path", "spec_for"]
