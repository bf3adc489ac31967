"""Where events become facts: stamped, folded, written down, and handed to everyone who watches."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.state import RunState
from tui_trainer.protocol.wire import encode_event
from tui_trainer.runs.fold import write_fold
from tui_trainer.runs.journal import Journal

TOGETHER = 0.2
"""Seconds that measurements wait for each other. To fold and write an event costs several times as much where the
caches hold the training as where they hold the event before."""
MOST = 64
"""Measurements that wait at most, however fast they come."""
_MEASUREMENTS = (ev.Scalars, ev.EpochEnded, ev.LayersMeasured)


class Outlet(Protocol):
    """Somebody who watches. `put` is called in the thread that publishes, under the hub's lock: it only stores."""

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Take an event and the line that stands for it in the journal."""
        ...

    def restart(self) -> None:
        """What was handed out before is void: ask for the states again."""
        ...


class _Run:
    def __init__(self, name: str) -> None:
        self.state = RunState(run=name)
        self.journal: Journal | None = None
        self.waiting: list[bytes] = []
        """Lines from before there was a folder to write them in."""


class Hub:
    """The events of one host. Safe to publish to from any thread.

    Measurements that nobody asked for wait for each other, and for whatever else comes first: `release` hands out what
    waits, and whoever serves calls it now and then.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._outlets: list[Outlet] = []
        self._held: list[tuple[str, ev.AnyEvent, str]] = []
        """Measurements that wait: of which run, and when they were made."""
        self._released = float("-inf")
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
            for line in run.waiting:
                journal.append(line)
            run.waiting.clear()

    def go_on_from(self, name: str, state: RunState, journal: Journal) -> None:
        """Take up a run where its journal ends; everyone who watches is greeted anew."""
        with self._lock:
            run = self._runs[name]
            early = run.state.log
            run.state = state
            state.log.extend(early)
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
                return {"bytes": 0, "seq": run.state.seq}
            self._guarded(run, run.journal, name, run.journal.check)
            with contextlib.suppress(OSError):
                run.journal.sync()
            return {"bytes": run.journal.size, "seq": run.state.seq}

    def publish(self, name: str, event: ev.AnyEvent) -> None:
        """Stamp the event, fold it, write it down, hand it out; a measurement with those that come soon after it."""
        with self._lock:
            self._held.append((name, event, now()))
            waits = isinstance(event, _MEASUREMENTS) and event.cause is None
            if waits and len(self._held) < MOST and monotonic() - self._released < TOGETHER:
                return
            self._release()
        self._wake()

    def release(self) -> None:
        """Hand out what has waited long enough."""
        with self._lock:
            if not self._held or monotonic() - self._released < TOGETHER:
                return
            self._release()
        self._wake()

    def _release(self) -> None:
        held, self._held = self._held, []
        for name, event, at in held:
            self._publish(self._runs[name], name, event, at)
        self._released = monotonic()

    def _publish(self, run: _Run, name: str, event: ev.AnyEvent, at: str) -> None:
        kept = not isinstance(event, ev.ResourcesMeasured)
        stamp = {"run": name, "at": at, "seq": run.state.seq + 1 if kept else 0}
        event = event.model_copy(update=stamp)
        run.state.apply(event)
        line = encode_event(event)
        if kept and run.journal is None:
            run.waiting.append(line)
        elif kept and run.journal is not None:
            self._write(run, run.journal, name, line)
        for outlet in self._outlets:
            outlet.put(event, line)

    def check_journals(self) -> None:
        """Notice journals that have been taken away, or that can be written again."""
        with self._lock:
            for name, run in self._runs.items():
                if run.journal is not None:
                    self._guarded(run, run.journal, name, run.journal.check)

    def _write(self, run: _Run, journal: Journal, name: str, line: bytes) -> None:
        self._guarded(run, journal, name, lambda: journal.append(line))

    def _guarded(self, run: _Run, journal: Journal, name: str, write: Callable[[], None]) -> None:
        """Write, and say so when that begins to fail or works again."""
        before = journal.error
        write()
        if journal.error != before and not (before and journal.error):
            lost = f" ({journal.lost} lines lost)" if journal.lost else ""
            event = ev.SavingFailed(what=f"events.jsonl{lost}", error=journal.error, step=run.state.step)
            self._publish(run, name, event, now())

    def states(self) -> list[RunState]:
        """The state of every run, copied: what a viewer starts from."""
        with self._lock:
            return [run.state.model_copy(deep=True) for run in self._runs.values()]

    def join(self, outlet: Outlet, greet: Callable[[list[RunState]], None]) -> None:
        """Greet a new outlet with the states, and hand it every event after them: none is missed, none comes twice."""
        with self._lock:
            greet([run.state for run in self._runs.values()])
            if outlet not in self._outlets:
                self._outlets.append(outlet)

    def leave(self, outlet: Outlet) -> None:
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
                    if run.state.over and not run.journal.error and not run.journal.lost:
                        with contextlib.suppress(OSError):
                            write_fold(run.journal.path, run.state)
                    run.journal = None


def now() -> str:
    """The time as events carry it: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
