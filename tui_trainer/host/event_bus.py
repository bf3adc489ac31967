"""Where events become facts: stamped, folded, written down, and handed to everyone who watches."""

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
from tui_trainer.runs.loading.state_cache import write_fold
from tui_trainer.state.run_state import RunState

TOGETHER = 0.2
"""Seconds that measurements wait for each other. To fold and write an event costs several times as much where the
caches hold the training as where they hold the event before."""
CROWD = 1 << 18
"""Bytes of events that wait at most to be folded, for the same reason: nobody needs the state until a viewer comes."""
MOST = 64
"""Measurements that wait at most, however fast they come."""
_MEASUREMENTS = (ev.Scalars, ev.EpochEnded, ev.LayersMeasured)


class Subscriber(Protocol):
    """Somebody who watches. `put` is called in the thread that publishes, under the hub's lock: it only stores."""

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Take an event and the line that stands for it in the journal."""
        ...

    def restart(self) -> None:
        """What was handed out before is void: ask for the states again."""
        ...


class _Run:
    def __init__(self, name: str) -> None:
        self.seq = 0
        """The number of the last event."""
        self._state = RunState(run=name)
        self._crowd: list[ev.AnyEvent] = []
        """Events that the state does not know yet: until somebody asks, they wait for each other."""
        self._crowd_size = 0
        self.journal: Journal | None = None
        self.waiting: list[bytes] = []
        """Lines that have not been given to the journal yet, or came before there was one."""

    def folded(self) -> RunState:
        """The state that everything so far folds to."""
        self._state.apply(*self._crowd)
        self._crowd.clear()
        self._crowd_size = 0
        return self._state

    def take(self, event: ev.AnyEvent, size: int) -> None:
        """Fold an event whose line has so many bytes, sooner or later."""
        self._crowd.append(event)
        self._crowd_size += size
        if self._crowd_size >= CROWD:
            self.folded()

    def begin_at(self, state: RunState) -> None:
        """Go on from what an earlier host came to, with what has been logged here meanwhile."""
        state.log.extend(self.folded().log)
        self._state, self.seq = state, state.seq


class EventBus:
    """The events of one host. Safe to publish to from any thread.

    Measurements that nobody asked for wait for each other, and for whatever else comes first: `release` hands out what
    waits, and whoever serves calls it now and then.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._outlets: list[Subscriber] = []
        self._held: list[tuple[str, ev.AnyEvent, float]] = []
        """Measurements that wait: of which run, and when they were made."""
        self._released = 0.0
        """When somebody was last told, by the clock that may be set back."""
        self._wake = wake
        """Tells the thread that serves viewers that there is something for them."""

    def add_run(self, name: str) -> None:
        """Know a run."""
        with self._lock:
            self._runs[name] = _Run(name)

    def write_to(self, name: str, journal: Journal) -> None:
        """Write the run's events here from now on, those that have already happened first."""
        with self._lock:
            run = self._runs[name]
            run.journal = journal
            self._write(run, name)

    def go_on_from(self, name: str, state: RunState, journal: Journal) -> None:
        """Take up a run where its journal ends; everyone who watches is greeted anew."""
        with self._lock:
            run = self._runs[name]
            run.begin_at(state)
            run.journal = journal
            run.waiting.clear()
            for outlet in self._outlets:
                outlet.restart()

    def mark(self, name: str) -> dict[str, int]:
        """Make what has been written durable, and say how far it reaches: bytes of the journal, number of events."""
        with self._lock:
            self._release()
            run = self._runs[name]
            if run.journal is None:
                return {"bytes": 0, "seq": run.seq}
            self._check(run, name)
            with contextlib.suppress(OSError):
                run.journal.sync()
            return {"bytes": run.journal.size, "seq": run.seq}

    def publish(self, name: str, event: ev.AnyEvent) -> None:
        """Stamp the event, fold it, write it down, hand it out; a measurement with those that come soon after it."""
        with self._lock:
            at = time()
            self._held.append((name, event, at))
            waits = type(event) in _MEASUREMENTS and event.cause is None
            if waits and len(self._held) < MOST and 0 <= at - self._released < TOGETHER:
                return
            self._release()
        self._wake()

    def release(self) -> None:
        """Hand out what has waited long enough."""
        with self._lock:
            if not self._held or 0 <= time() - self._released < TOGETHER:
                return
            self._release()
        self._wake()

    def _release(self) -> None:
        held, self._held = self._held, []
        for name, event, at in held:
            self._publish(self._runs[name], name, event, at)
        for name, run in self._runs.items():
            self._write(run, name)
        self._released = time()

    def _publish(self, run: _Run, name: str, event: ev.AnyEvent, at: float) -> None:
        kept = not isinstance(event, ev.ResourcesMeasured)
        run.seq += kept
        event = event.model_copy(update={"run": name, "at": _written(at), "seq": run.seq if kept else 0})
        line = encode_event(event)
        run.take(event, len(line))
        if kept:
            run.waiting.append(line)
        for outlet in self._outlets:
            outlet.put(event, line)

    def check_journals(self) -> None:
        """Notice journals that have been taken away, or that can be written again."""
        with self._lock:
            for name, run in self._runs.items():
                self._check(run, name)

    def _check(self, run: _Run, name: str) -> None:
        if run.journal is not None:
            self._guarded(run, run.journal, name, run.journal.check)
            self._write(run, name)

    def _write(self, run: _Run, name: str) -> None:
        """Write what waits, at once: to write a line costs nearly as much as to write them all."""
        journal = run.journal
        while run.waiting and journal is not None:  # that it cannot be written, or can again, is a line, too
            lines = b"".join(run.waiting)
            run.waiting.clear()
            self._guarded(run, journal, name, partial(journal.append, lines))

    def _guarded(self, run: _Run, journal: Journal, name: str, write: Callable[[], None]) -> None:
        """Write, and say so when that begins to fail or works again."""
        before = journal.error
        write()
        if journal.error != before and not (before and journal.error):
            lost = f" ({journal.lost} lines lost)" if journal.lost else ""
            event = ev.SavingFailed(what=f"events.jsonl{lost}", error=journal.error, step=run.folded().step)
            self._publish(run, name, event, time())

    def states(self) -> list[RunState]:
        """The state of every run, copied: what a viewer starts from."""
        with self._lock:
            return [run.folded().model_copy(deep=True) for run in self._runs.values()]

    def join(self, outlet: Subscriber, greet: Callable[[list[RunState]], None]) -> None:
        """Greet a new outlet with the states, and hand it every event after them: none is missed, none comes twice."""
        with self._lock:
            greet([run.folded() for run in self._runs.values()])
            if outlet not in self._outlets:
                self._outlets.append(outlet)

    def leave(self, outlet: Subscriber) -> None:
        """Hand the outlet nothing more."""
        with self._lock:
            if outlet in self._outlets:
                self._outlets.remove(outlet)

    def close(self) -> None:
        """Write what can still be written."""
        with self._lock:
            self._release()
            for run in self._runs.values():
                if run.journal is not None:
                    run.journal.close()
                    state = run.folded()
                    if state.over and not run.journal.error and not run.journal.lost:
                        with contextlib.suppress(OSError):
                            write_fold(run.journal.path, state)
                    run.journal = None


def _written(at: float) -> str:
    """A moment as events carry it: UTC, ISO 8601, milliseconds."""
    seconds, milliseconds = divmod(int(at * 1000), 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
