"""The user's own command for what happens to a run: `--on-event COMMAND`.

bus thread:      put(event): queue what is an end, a failure or a serious finding; nothing else
MAX_AT_ONCE threads: take one, start the command in a process of its own, give it one JSON object on standard input,
                 kill it at the time limit, and say once what went wrong
host, at its end: has_work, to wait a moment before the journals close; close(), to kill what still runs at the limit
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from math import isfinite
from time import monotonic, sleep
from typing import Any

from tui_trainer.host.spec import RunSpec
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.finding_titles import title_of

TIME_LIMIT = 30.0
"""Seconds after which a command is killed, with the processes that it started."""
MAX_AT_ONCE = 4
"""Commands that run at the same time at most; further events wait."""
MAX_WAITING = 100
"""Events that wait at most; further ones are dropped, which is said."""
SERIOUS = "alarm"
"""Severity of the findings for which the command runs."""
FAILED: tuple[ev.Reason, ...] = ("failed", "not-finite", "refused")
"""Reasons of an end that is a failure."""


class EventCommand:
    """A subscriber that runs a command for the events of a host that matter. It never holds up the training.

    Args:
        argv: the command and its arguments; no shell reads them.
        runs: the runs of the host.
        say: called with the name of a run and a line for its log.
        output: descriptor for what the command prints; None discards it.
        time_limit: seconds that one command may take.
    """

    def __init__(
        self,
        argv: Sequence[str],
        runs: Sequence[RunSpec],
        say: Callable[[str, str], None],
        *,
        output: int | None = None,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._argv = list(argv)
        self._runs = {run.name: run for run in runs}
        self._say = say
        self._output = subprocess.DEVNULL if output is None else output
        self._time_limit = time_limit
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue(MAX_WAITING)
        self._lock = threading.Lock()
        self._failed = False
        """Whether a failure was said."""
        self._dropped = False
        self._found: set[tuple[str, str]] = set()
        """Findings that the command has run for, by run."""
        self._progress: dict[str, dict[str, Any]] = {}
        """Epoch and metrics of the last epoch of each run."""
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        for number in range(MAX_AT_ONCE):
            threading.Thread(target=self._work, name=f"on-event-{number}", daemon=True).start()

    @property
    def has_work(self) -> bool:
        """Whether a command runs or an event waits for one."""
        return self._events.unfinished_tasks > 0

    # -- the bus ----------------------------------------------------------------------------------------------------

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Queue an event, if the command runs for it."""
        match event:
            case ev.EpochEnded():
                self._progress[event.run] = {"epoch": event.epoch, "seconds": event.seconds, "metrics": event.metrics}
            case ev.RunFinished():
                kind = "fail" if event.reason in FAILED else "end"
                self._queue(kind, event, {"reason": event.reason, "detail": event.detail, **_end(event)})
            case ev.Diagnosed() if event.active and event.severity == SERIOUS:
                if (event.run, event.finding) not in self._found:
                    self._found.add((event.run, event.finding))
                    self._queue("finding", event, _finding(event))
            case _:
                pass

    def restart(self) -> None:
        """Do nothing: what has happened is not told twice."""

    def _queue(self, kind: str, event: ev.AnyEvent, fields: dict[str, Any]) -> None:
        run = self._runs[event.run]
        table = {
            "event": kind,
            "run": run.name,
            "path": run.path,
            "preset": run.preset,
            "title": run.title,
            "at": event.at,
            "step": event.step,
            "epoch": 0,
            "seconds": 0.0,
            "metrics": {},
            **self._progress.get(run.name, {}),
            **fields,
        }
        try:
            self._events.put_nowait((run.name, json.dumps(_finite(table), allow_nan=False).encode() + b"\n"))
        except queue.Full:
            self._dropped = True

    # -- the threads that run commands ------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            name, line = self._events.get()
            try:
                problem = "" if self._closed else self._run(line)
                if self._dropped:
                    problem = problem or f"more than {MAX_WAITING} events waited for it, and some were dropped"
                if problem:
                    self._report(name, problem)
            finally:
                self._events.task_done()

    def _run(self, line: bytes) -> str:
        """Run the command for one event. Returns what went wrong, empty if nothing did."""
        try:
            process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._output,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"could not be started: {getattr(error, 'strerror', None) or error}"
        with self._lock:
            self._running.add(process)
        try:
            process.communicate(line, timeout=self._time_limit)
        except subprocess.TimeoutExpired:
            _kill(process)
            return f"was killed after {self._time_limit:g} s"
        except OSError as error:
            _kill(process)
            return f"failed: {error.strerror or error}"
        finally:
            with self._lock:
                self._running.discard(process)
        code = process.returncode
        if code < 0:
            return "" if self._closed else f"was ended by signal {-code}"
        return f"ended with exit code {code}" if code else ""

    def _report(self, run: str, problem: str) -> None:
        with self._lock:
            if self._failed:
                return
            self._failed = True
        printed = "what it prints is in host.log; " if self._output != subprocess.DEVNULL else ""
        self._say(run, f"--on-event: {self._argv[0]} {problem}; {printed}further failures are not logged")

    # -- the end of the host ----------------------------------------------------------------------------------------

    def report_slow(self, seconds: float) -> None:
        """Say that a command outlives the journals; what becomes of it can no longer be said in them."""
        self._report(next(iter(self._runs)), f"still runs {seconds:g} s after the end")

    def close(self) -> None:
        """Wait for the commands that run, at most for the time limit, and kill them then. Start no others."""
        deadline = monotonic() + self._time_limit
        while self.has_work and monotonic() < deadline:
            sleep(0.02)
        self._closed = True
        with self._lock:
            running = list(self._running)
        for process in running:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and the processes that it started, which share its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _end(event: ev.RunFinished) -> dict[str, Any]:
    best = event.best.model_dump() if event.best is not None else None
    known = {"epoch": event.epoch, "seconds": event.seconds} if event.epoch else {}
    known |= {"metrics": event.metrics} if event.metrics else {}
    return {"exit_code": event.exit_code, "best": best, "saved": event.saved, **known}


def _finding(event: ev.Diagnosed) -> dict[str, Any]:
    return {
        "finding": event.finding,
        "severity": event.severity,
        "text": title_of(event),
        "evidence": event.evidence,
        "advice": event.advice,
        "likely_cause": event.likely_cause,
    }


def _finite(value: Any) -> Any:
    """Return a value with null in place of numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value
