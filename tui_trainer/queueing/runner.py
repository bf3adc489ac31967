"""The runner of a queue: trains its entries one after another, each in a host of its own.

An entry is marked `training` with the name of its run before the host is launched. A runner that finds such an entry
looks for that run: a live run is waited for, one that was cut is resumed, one that never began is launched. So
the runner, the host or the machine may be killed at any moment.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

from tui_trainer.config.preset import Preset, check
from tui_trainer.errors import UserError
from tui_trainer.host.spec import HostSpec, host_spec
from tui_trainer.paths import new_run_name
from tui_trainer.platform_support import wake_pipe
from tui_trainer.protocol import events as ev
from tui_trainer.queueing.editing import now
from tui_trainer.queueing.entries import Entry
from tui_trainer.queueing.queue_file import QueueFile
from tui_trainer.runs.catalog import RunInfo, find_runs
from tui_trainer.session.base import Greeting, Session
from tui_trainer.session.launch import Launched, launch
from tui_trainer.session.resume import resume_spec

POLL = 0.25
"""Seconds between two looks at the run that trains."""
STARTING_POLL = 0.02
"""Seconds between two looks at a host that starts: one that refuses closes its socket soon."""
CLAIM_SECONDS = 2.0
"""Seconds to wait for the lock of the runner, which a reader may hold for a moment."""
_WELL = ("completed", "early-stopped", "stopped")
"""Reasons for which a run is over as it should be."""


class Runner:
    """Trains the entries of a queue until none is waiting.

    Args:
        file: the queue.
        say: receives one line for each step.
        on_event: command that the hosts run when a run ends, fails or has a serious finding.
    """

    def __init__(self, file: QueueFile, say: Callable[[str], None], on_event: tuple[str, ...] = ()) -> None:
        self._file = file
        self._say = say
        self._on_event = on_event
        self._signal = 0
        self._reader, self._writer = wake_pipe()

    def run(self) -> int:
        """Train every entry. Returns 0 when the queue is empty or was told to stop by SIGTERM, 130 after SIGINT.

        Raises:
            UserError: another runner works on this queue, or its file cannot be read or written.
        """
        self._claim()
        earlier = [(number, signal.signal(number, self._on_signal)) for number in (signal.SIGTERM, signal.SIGINT)]
        try:
            while not self._signal and (entry := self._next()) is not None:
                os.chdir(self._file.directory)
                if not self._train(entry):
                    return 0
            if self._signal:
                self._say("stopped; a run that has begun goes on; `tui-trainer queue run` continues the queue")
        finally:
            self._file.runner.release()
            for number, handler in earlier:
                signal.signal(number, handler)
        return 130 if self._signal == signal.SIGINT else 0

    def _claim(self) -> None:
        deadline = monotonic() + CLAIM_SECONDS
        try:
            while not self._file.runner.acquire():
                if monotonic() > deadline:
                    raise UserError(f"a runner works on the queue of {self._file.directory} already")
                self._pause(0.02)
        except OSError as error:
            raise UserError(f"{self._file.runner.path}: cannot be written: {error.strerror}") from None

    def _on_signal(self, number: int, _frame: object) -> None:
        self._signal = number
        with contextlib.suppress(OSError):
            os.write(self._writer, b"\0")

    def _pause(self, seconds: float = POLL) -> None:
        """Wait; a signal ends it."""
        if select.select([self._reader], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                os.read(self._reader, 64)

    def _next(self) -> Entry | None:
        """Return the entry that was cut, else mark the next one; None where there is none.

        The last look is under the lock: an entry that is added later finds no runner, and its user is told so.
        """
        with self._file.locked():
            queue = self._file.read()
            if queue.training is not None:
                return queue.training
            if not queue.waiting:
                self._file.runner.release()
                return None
            entry = queue.waiting[0]
            entry = replace(entry, state="training", name=entry.name or new_run_name(entry.preset), started=now())
            self._file.write(queue.with_entry(entry))
            return entry

    # -- one entry --------------------------------------------------------------------------------------------------

    def _train(self, entry: Entry) -> bool:
        """Train one entry and write down how it ended. Returns False if its run was interrupted."""
        refusal = ""
        try:
            if not self._live(entry):
                spec = self._spec(entry)
                if spec is not None:
                    refusal = self._follow_host(entry, spec)
            self._follow(entry)
        except UserError as error:
            refusal = str(error)
        except OSError as error:
            refusal = f"{error.filename or 'the host'}: {error.strerror or error}"
        if self._signal:
            return True
        infos = self._infos(entry)
        reasons = list(dict.fromkeys(info.reason or "its host was killed" for info in infos))
        if "interrupted" in reasons:
            self._say(f"{entry.number} {entry.name}: interrupted by a signal; `tui-trainer queue run` continues it")
            return False
        done = bool(infos) and all(info.reason in _WELL for info in infos) and not refusal
        reason = refusal or ", ".join(reasons) or "its host ended before it began"
        self._file.put(replace(entry, state="done" if done else "failed", reason=reason, ended=now()))
        self._say(f"{entry.number} {entry.name}: {'' if done else 'failed: '}{reason}")
        return True

    def _infos(self, entry: Entry) -> list[RunInfo]:
        """Return the runs of an entry; empty where none has begun."""
        try:
            infos = find_runs(str(self._file.directory / entry.name), self._file.directory)
        except UserError:
            return []
        return [info for info in infos if entry.name in (info.name, info.group)]

    def _live(self, entry: Entry) -> bool:
        return any(info.live for info in self._infos(entry))

    def _spec(self, entry: Entry) -> HostSpec | None:
        """Return the spec of the host for a run that is not live; None where all of it is over."""
        if entry.cwd:
            os.chdir(entry.cwd)
        command = ["tui-trainer", "queue", "add", entry.preset, *entry.changes]
        infos = self._infos(entry)
        if infos:
            cut = [info for info in infos if info.status == "dead" or info.reason == "interrupted"]
            if not cut:
                return None
            self._say(f"{entry.number} {entry.preset}: resuming {entry.name}")
            return resume_spec(cut, epochs=None, patience=None, command=command, trust=entry.trust)
        self._say(f"{entry.number} {entry.preset}: training as {entry.name}")
        runs = {variant: check(table, f"queue entry {entry.number}") for variant, table in entry.runs.items()}
        preset = Preset(entry.preset, f"queue entry {entry.number}", runs)
        return host_spec(preset, str(self._file.directory), entry.name, command, trust=entry.trust)

    def _follow_host(self, entry: Entry, spec: HostSpec) -> str:
        """Launch a host and wait for its end or for a signal. Returns why it refused or died; empty if it did not."""
        launched = launch(spec.model_copy(update={"on_event": self._on_event}))
        refusal = ""
        session: Session | None = launched.session(can_steer=False)
        while launched.alive() and not self._signal:
            if session is not None:
                began, refusal = _heard(session)
                if began or refusal:
                    session.close()
                    session = None
            self._pause(POLL if session is None else STARTING_POLL)
        if self._signal:
            return ""
        if session is not None:
            refusal = _heard(session)[1]
            session.close()
        if refusal and self._live(entry):
            return ""  # another host trains the run: it is followed
        return refusal or _death(launched, self._infos(entry))

    def _follow(self, entry: Entry) -> None:
        """Wait for the end of a run whose host is not a child of this process."""
        while not self._signal and self._live(entry):
            self._pause()


def _heard(session: Session) -> tuple[bool, str]:
    """Return whether the host has said that it trains, and why it refused."""
    began, refusal = False, ""
    for message in session.drain():
        states = message.states if isinstance(message, Greeting) else ()
        began |= isinstance(message, ev.RunStarted) or any(state.started is not None for state in states)
        if isinstance(message, ev.RunFinished) and message.reason == "refused":
            refusal = refusal or message.detail
        refusal = refusal or next((state.detail for state in states if state.reason == "refused"), "")
    return began, refusal


def _death(launched: Launched, infos: Sequence[RunInfo]) -> str:
    """Return why a host ended without a word; empty where its runs say how they ended."""
    if infos and all(info.reason for info in infos):
        return ""
    return launched.exit_reason()


def start(directory: Path, on_event: Sequence[str] = ()) -> int:
    """Start a runner in the background, with a command for events. Returns its process id.

    Raises:
        UserError: it ended at once, with what it printed.
    """
    import shlex
    import subprocess  # only this command starts one
    import sys

    from tui_trainer.session.spare.environment import environment

    file = QueueFile(directory)
    try:
        log = os.open(file.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UserError(f"{file.log}: cannot be written: {error.strerror}") from None
    arguments = ["queue", "run", "--foreground", "--runs-dir", str(directory)]
    arguments += ["--on-event", shlex.join(on_event)] if on_event else []
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tui_trainer", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment(),
        )
    finally:
        os.close(log)
    waker, _ = wake_pipe()
    while process.poll() is None and file.runner.holder() != process.pid:
        select.select([waker], [], [], 0.05)
    if process.poll():
        raise UserError(f"the runner ended with exit code {process.returncode}; its output is in {file.log}")
    return process.pid
