"""The events of one run on their way to the event bus, and the subscribers that react to them inside the engine."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from tui_trainer.protocol.events import AnyEvent, Logged, RunFinished

Subscriber = Callable[[AnyEvent], None]


class EventStream:
    """Passes the events of a run to a sink, and then to subscribers, which may publish events in response.

    `RunFinished` is the last event of a run: subscribers receive it before the sink, so that their responses precede
    it.

    Args:
        sink: receives every event in order.
    """

    def __init__(self, sink: Subscriber) -> None:
        self._sink = sink
        self._subscribers: list[Subscriber] = []
        self._muted = False

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with every event published from now on."""
        self._subscribers.append(subscriber)

    def publish(self, event: AnyEvent) -> None:
        """Send an event to the sink and to every subscriber."""
        if self._muted:
            return
        last = isinstance(event, RunFinished)
        if not last:
            self._sink(event)
        for subscriber in self._subscribers:
            subscriber(event)
        if last:
            self._sink(event)

    @contextmanager
    def muted(self) -> Generator[None]:
        """Drop every event: of what is tried and taken back, nothing is told."""
        before, self._muted = self._muted, True
        try:
            yield
        finally:
            self._muted = before

    def log(self, line: str, step: int) -> None:
        """Publish a line for the log pane."""
        self.publish(Logged(lines=[line], source="trainer", step=step))
