"""The event bus of one host: stamp, fold, journal and fan out every event.

    publish(run, event):
        stamp the event with the run's name, the time and the run's next sequence number
        encode it once: the journal and the socket carry the same bytes
        add it to the run's fold buffer        folded into `RunState` when the state is needed
        add its line to the run's journal buffer
        give event and line to each subscriber  which queues them in a bounded send buffer of its own
        flush the journal buffers and wake the serving thread, unless the event is a measurement

    flush(), called by the serving thread several times a second:
        write the journal buffers               the serving thread then sends the send buffers

The recorder has already collected the measurements of many steps into one event, so the bus delays none of them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from time import time
from typing import Protocol

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.journal import Journal
from tui_trainer.runs.loading.state_cache import write_state_cache
from tui_trainer.state.run_state import RunState

MAX_FOLD_BUFFER = 1 << 18
"""Bytes of events that wait to be folded. Folding many at once costs a fraction of folding them one by one, and the
state is needed only when a viewer subscribes."""
MAX_JOURNAL_BUFFER = 1 << 16
"""Bytes of lines that wait to be written. One write costs nearly as much for a line as for a hundred."""
_MEASUREMENTS = (ev.Scalars, ev.EpochEnded, ev.LayersMeasured)


class Subscriber(Protocol):
    """A receiver of every event of a host. `put` runs in the publishing thread under a lock: it must only store."""

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Take an event, and the line that stands for it in the journal."""
        ...

    def restart(self) -> None:
        """Discard the events received so far and ask for the states again: a resumed run starts from another state."""
        ...


class _Run:
    """One run of the bus: its state, its journal, and the two buffers in front of them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seq = 0
        """Sequence number of the last event."""
        self.journal: Journal | None = None
        self._state = RunState(run=name)
        self._fold_buffer: list[ev.AnyEvent] = []
        """Events that are not folded into the state yet."""
        self._fold_buffer_bytes = 0
        self.journal_buffer: list[bytes] = []
        """Lines that are not written yet; without a journal they wait until there is one."""
        self.journal_buffer_bytes = 0

    def state(self) -> RunState:
        """Return the state after every event so far."""
        self._state.apply(*self._fold_buffer)
        self._fold_buffer.clear()
        self._fold_buffer_bytes = 0
        return self._state

    def buffer(self, event: ev.AnyEvent, line: bytes) -> None:
        """Buffer an event for the state, and its line for the journal where it belongs there (`seq` is not 0)."""
        self._fold_buffer.append(event)
        self._fold_buffer_bytes += len(line)
        if self._fold_buffer_bytes >= MAX_FOLD_BUFFER:
            self.state()
        if event.seq:
            self.journal_buffer.append(line)
            self.journal_buffer_bytes += len(line)

    def take_lines(self) -> bytes:
        """Empty the journal buffer and return its lines."""
        lines = b"".join(self.journal_buffer)
        self.journal_buffer.clear()
        self.journal_buffer_bytes = 0
        return lines

    def resume(self, state: RunState, journal: Journal) -> None:
        """Continue from the state that an earlier host left, keeping the log lines of this one."""
        state.log.extend(self.state().log)
        state.wheel = self.state().wheel
        self._state, self.seq, self.journal = state, state.seq, journal
        self.take_lines()


class EventBus:
    """The events of one host. Safe to publish to from any thread.

    Args:
        wake: wakes the thread that serves viewers, so that it sends what the subscribers have queued.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._subscribers: list[Subscriber] = []
        self._wake = wake
        self._at_close: list[Callable[[], None]] = []

    def add_run(self, name: str) -> None:
        """Add a run that has no journal yet."""
        with self._lock:
            self._runs[name] = _Run(name)

    def attach_journal(self, name: str, journal: Journal) -> None:
        """Write the run's events to this journal from now on, those that have already happened first."""
        with self._lock:
            run = self._runs[name]
            run.journal = journal
            self._write(run)

    def resume_run(self, name: str, state: RunState, journal: Journal) -> None:
        """Continue a run from the state that its journal folds to, and have every subscriber start again from it."""
        with self._lock:
            self._runs[name].resume(state, journal)
            for subscriber in self._subscribers:
                subscriber.restart()

    def sync_journal(self, name: str) -> dict[str, int]:
        """Make the run's journal durable and return its length: `bytes`, and `seq` of the last event in it."""
        with self._lock:
            run = self._runs[name]
            if run.journal is None:
                return {"bytes": 0, "seq": run.seq}
            self._check(run)
            with contextlib.suppress(OSError):
                run.journal.sync()
            return {"bytes": run.journal.size, "seq": run.seq}

    def publish(self, name: str, event: ev.AnyEvent) -> None:
        """Stamp, fold, journal and fan out an event of the run `name`."""
        measurement = type(event) in _MEASUREMENTS and event.cause is None
        with self._lock:
            run = self._runs[name]
            self._publish(run, event)
            if not measurement or run.journal_buffer_bytes >= MAX_JOURNAL_BUFFER:
                self._write_all()
        if not measurement:
            self._wake()

    def flush(self) -> None:
        """Write the journal buffers of all runs."""
        with self._lock:
            self._write_all()

    def _publish(self, run: _Run, event: ev.AnyEvent) -> None:
        journaled = not isinstance(event, ev.ResourcesMeasured)
        run.seq += journaled
        event = event.model_copy(update={"run": run.name, "at": _timestamp(time()), "seq": run.seq if journaled else 0})
        line = encode_event(event)
        run.buffer(event, line)
        for subscriber in self._subscribers:
            subscriber.put(event, line)

    def check_journals(self) -> None:
        """Notice journals whose files have been removed, or that can be written again."""
        with self._lock:
            for run in self._runs.values():
                self._check(run)

    def _check(self, run: _Run) -> None:
        self._write(run)
        if run.journal is not None:
            self._report(run, run.journal, run.journal.check)
            self._write(run)

    def _write_all(self) -> None:
        for run in self._runs.values():
            self._write(run)

    def _write(self, run: _Run) -> None:
        while run.journal_buffer and run.journal is not None:  # a failure, or its end, adds a line to the buffer
            self._report(run, run.journal, partial(run.journal.append, run.take_lines()))

    def _report(self, run: _Run, journal: Journal, write: Callable[[], None]) -> None:
        """Write, and publish `SavingFailed` when writing begins to fail or has recovered."""
        before = journal.error
        write()
        if journal.error != before and not (before and journal.error):
            lost = f" ({journal.lost} lines lost)" if journal.lost else ""
            event = ev.SavingFailed(what=f"events.jsonl{lost}", error=journal.error, step=run.state().step)
            self._publish(run, event)

    def states(self) -> list[RunState]:
        """Return a copy of the state of every run."""
        with self._lock:
            return [run.state().model_copy(deep=True) for run in self._runs.values()]

    def live_steps(self) -> dict[str, int]:
        """Return the last step of every run that is not over, by name."""
        with self._lock:
            states = {name: run.state() for name, run in self._runs.items()}
        return {name: state.step for name, state in states.items() if not state.over}

    def subscribe(self, subscriber: Subscriber, send_snapshot: Callable[[list[RunState]], None]) -> None:
        """Send the subscriber the states of all runs, then every later event: none is missed, none comes twice."""
        with self._lock:
            send_snapshot([run.state() for run in self._runs.values()])
            if subscriber not in self._subscribers:
                self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Send the subscriber no more events."""
        with self._lock:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

    def at_close(self, action: Callable[[], None]) -> None:
        """Call this before the journals are closed, in the thread that closes them."""
        self._at_close.append(action)

    def close(self) -> None:
        """Write what can still be written, cache the states of finished runs, and close the journals."""
        for action in self._at_close:
            action()
        with self._lock:
            self._write_all()
            for run in self._runs.values():
                if run.journal is not None:
                    run.journal.close()
                    state = run.state()
                    if state.over and not run.journal.error and not run.journal.lost:
                        with contextlib.suppress(OSError):
                            write_state_cache(run.journal.path, state)
                    run.journal = None


def _timestamp(seconds: float) -> str:
    """Format a Unix time as events carry it: UTC, ISO 8601, milliseconds."""
    second, millisecond = divmod(int(seconds * 1000), 1000)
    return f"{_format_second(second)}.{millisecond:03d}Z"


@lru_cache(maxsize=4)
def _format_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
