"""The watching process: runs a script, is the host of its run, and ends with its exit code.

    the script prints              into host.log and the log pane; numbers are looked for in each line
    a process takes a step         it is the run (`agent`): its events are published here, commands go to it
    no process does                what was found in the output is the run (`OutputRun`)
    a viewer stops the run         SIGINT to the group of the script, at a step where a process is the run; later
                                   SIGTERM, then SIGKILL
    this process is ended          the script is ended the same way, the end is journaled
    this process is killed         its terminal is closed: the script is hung up

It imports no torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.errors import UserError
from tui_trainer.host.output_lines import OutputLines
from tui_trainer.host.restore import open_journal
from tui_trainer.host.serving import Serving
from tui_trainer.paths import socket_dir
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import ALL_RUNS, AnyCommand, Stop
from tui_trainer.runs.atomic_write import replace_file
from tui_trainer.runs.run_dir import Owner, RunDir, read_about
from tui_trainer.watching.agent_link import AgentLink
from tui_trainer.watching.child import GRACE, SHIM, Child
from tui_trainer.watching.lines import LineStates, last_words
from tui_trainer.watching.metric_patterns import MetricPatterns
from tui_trainer.watching.output_run import OutputRun
from tui_trainer.watching.patterns import read_line
from tui_trainer.watching.progress import Progress, Progressed
from tui_trainer.watching.spec import WatchSpec, about, as_toml, document, shown

TICK = 0.1
"""Seconds between two turns."""
MEASURE_SECONDS = 1.0
"""Seconds between two checks of the run folder."""
MAX_LINES = 40
"""Lines of output that one turn journals; host.log holds all of them."""
MAX_TURN = 1 << 20
"""Bytes of output that one turn takes."""
AFTER_SECONDS = 3.0
"""Seconds after the end of the script in which what was sent before it is still taken."""
AFTER_TURN = 0.02
"""Seconds of one look at what was sent."""
_ENDING = {signal.SIGTERM: signal.SIGTERM, signal.SIGHUP: signal.SIGTERM, signal.SIGINT: signal.SIGINT}


class Watcher:
    """Watches one script from its start to its end.

    Args:
        spec: the script.

    Raises:
        UserError: the run folder cannot be made, or the script cannot be started.
    """

    def __init__(self, spec: WatchSpec) -> None:
        self.spec = spec
        self.name = spec.name
        self.after_turn: Callable[[], None] = lambda: None
        """Called at the end of each turn; the headless printer writes its lines here."""
        self._metrics = MetricPatterns(spec.metrics, self._say)
        self._content = document(spec)
        self.folder = RunDir(Path(spec.path))
        self.folder.create(as_toml(self._content), about(spec), Owner(os.getpid(), socket.gethostname(), spec.socket))
        self._log = os.open(self.folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._serving = Serving(spec.socket, self.submit)
        self.bus = self._serving.bus
        self.bus.add_run(self.name)
        self.bus.attach_journal(self.name, open_journal(self.folder))
        self._begin_mirror(spec.mirror)
        self._diagnosis = DiagnosisMonitor()
        self._lines, self._states, self._progress = OutputLines(), LineStates(), Progress()
        self._last_words: list[str] = []
        self._signals: list[signal.Signals] = []
        self._by_signal = ""
        self._stop: Stop | None = None
        self._stop_due = 0.0
        self._finished: ev.RunFinished | None = None
        """The end of the run, as its process reported it."""
        self._over = False
        self._reached = 0
        """The step that the process that is the run has reached."""
        self.exit_code = 0
        self._link = AgentLink(
            socket_dir() / f"{secrets.token_hex(8)}.watch",
            {"path": spec.path, "title": spec.title, "script": self._content["script"]},
            self._forward,
            self._told,
            self._serving.watch,
            self._serving.unwatch,
        )
        self._child = self._start()
        self._output = OutputRun(self._publish, self._described())
        self._serving.watch(self._child.master, self._read)
        self._serving.list_runs([{"name": self.name, "path": spec.path, "preset": spec.title}])
        self._say(
            f"watching {shown(spec.command)}; its standard input is at its end",
            "steps, rates, pause and stop come with the first step of torch or Keras in a Python process of it; "
            "without one, numbers are read from its output"
            + ("; guards are armed with that step, and do nothing without one" if spec.guards else ""),
        )

    def _start(self) -> Child:
        path = os.pathsep.join(part for part in (str(SHIM), self.spec.python_path or "") if part)
        environment = {
            "PYTHONPATH": path,
            "TUI_TRAINER_WATCH": str(self._link.path),
            "TUI_TRAINER_PACKAGE": str(Path(__file__).parents[2]),
        }
        try:
            return Child(self.spec.command, environment)
        except OSError as error:
            self._link.close()
            self.folder.release()
            raise UserError(f"watch: {shown(self.spec.command)}: cannot be started: {error.strerror}") from None

    def _begin_mirror(self, kinds: Sequence[str]) -> None:
        if kinds:
            from tui_trainer.host.mirroring.mirror import start_mirror

            start_mirror(self.bus, kinds, {self.name: self.folder.path})

    def _described(self) -> ev.RunStarted:
        return ev.RunStarted(
            title=self.spec.title,
            preset=self.spec.title,
            config=self._content,
            path=self.spec.path,
            device="",
            task="script",
            model="a model of the script",
            data="data of the script",
            epochs=0,
        )

    # -- what happens -----------------------------------------------------------------------------------------------

    def serve(self) -> int:
        """Watch until the script is over. Returns its exit code."""
        self._serving.register()
        for number in _ENDING:
            if number is signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        measured = 0.0
        while (code := self._child.exit_code) is None:
            self._turn(TICK)
            if monotonic() - measured >= MEASURE_SECONDS:
                measured = monotonic()
                with contextlib.suppress(OSError):
                    self.folder.claim()
                self.bus.check_journals()
                self._insist()
        self._finish(code)
        self._serving.close(self._turn)
        self._child.close()
        self._link.close()
        os.close(self._log)
        self.folder.release()
        self._serving.release()
        return self.exit_code

    def _turn(self, timeout: float) -> None:
        self._serving.wait(timeout)
        while self._signals:
            self._ended_by(self._signals.pop(0))
        if not self._link.was_there:
            self._output.flush()
        lines = self._lines.unfinished()
        if lines and not self._over:
            self._log_lines(lines)
        self._serving.send()
        self.after_turn()

    def _publish(self, event: ev.AnyEvent) -> None:
        self.bus.publish(self.name, event)
        if not self._link.was_there and not isinstance(event, ev.RunFinished):  # which is the last event
            for found in self._diagnosis.take(event):
                self.bus.publish(self.name, found)

    def _forward(self, event: ev.AnyEvent) -> None:
        """Publish an event of the process that is the run; the end of the run is that of the script."""
        if isinstance(event, ev.RunFinished):
            self._finished = event
        else:
            self._reached = event.step or self._reached
            self.bus.publish(self.name, event)

    def _told(self, message: dict[str, Any]) -> None:
        if "sync" in message:
            self._read()
            self._pass_on(self._progress.last())
            self._link.synced()
            return
        if "interrupt" in message:
            self._child.end(signal.SIGINT)
            return
        if "mirror" in message:
            self._begin_mirror([kind for kind in message["mirror"] if kind not in self.spec.mirror])
            return
        described = dict(message["described"])
        config = described.pop("config", {})
        self._content = document(self.spec, config)
        kept = {key: described[key] for key in ("device", "device_name", "threads", "versions") if key in described}
        with contextlib.suppress(OSError, ValueError, TypeError):
            merged = {**read_about(self.folder.path), **kept, "pid": described.get("pid")}
            replace_file(self.folder.about, (json.dumps(merged, indent=2, ensure_ascii=False) + "\n").encode())
            replace_file(self.folder.config, as_toml(self._content).encode())
            self.folder.remember()

    # -- output -----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        taken = 0
        while taken < MAX_TURN and (data := self._child.read()):
            taken += len(data)
            self._take(data)
        if self._child.closed:
            self._serving.unwatch(self._child.master)

    def _take(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._log, data)
        self._log_lines(self._lines.add(data))
        for line in self._states.add(data):
            self._look(line)

    def _log_lines(self, lines: list[str]) -> None:
        if not lines:
            return
        self._last_words = [line for line in [*self._last_words, *lines] if line.strip()][-2:]
        more = [f"({len(lines) - MAX_LINES} more lines in {self.folder.log.name})"] if len(lines) > MAX_LINES else []
        self.bus.publish(self.name, ev.Logged(lines=[*lines[:MAX_LINES], *more], step=self._step))

    def _say(self, *lines: str) -> None:
        self.bus.publish(self.name, ev.Logged(lines=list(lines), source="trainer", step=self._step))

    def _look(self, line: str) -> None:
        """Look for numbers in a line, and pass them on to the run."""
        reading = read_line(line, self._metrics.all)
        self._metrics.line_read()
        if reading is not None:
            self._pass_on(self._progress.take(reading))

    def _pass_on(self, found: Progressed) -> None:
        if found.is_empty:
            return
        if self._link.connected:
            self._link.feed({"at": monotonic(), **asdict(found)})
        elif not self._link.was_there:
            self._output.take(found)

    # -- commands and ends ------------------------------------------------------------------------------------------

    def submit(self, command: AnyCommand) -> str | None:
        """Take a command of a viewer. Returns the reason where the run can take none."""
        if self._over:
            return "the run is over"
        if command.run not in (ALL_RUNS, self.name):
            return f"no run {command.run!r} here: {self.name}"
        if not command.id:
            command = command.model_copy(update={"id": secrets.token_hex(8)})
        if isinstance(command, Stop):
            self._stop_by(command)
        elif self._link.connected:
            self._link.send(command)
        elif self._link.was_there:
            reason = "the process that took the steps has ended"
            self.bus.publish(self.name, ev.Refused(reason=reason, step=self._step, cause=command))
        else:
            self._output.obey(command)
        return None

    @property
    def _step(self) -> int:
        """The last step that is known."""
        return max(self._reached, self._output.step)

    def _stop_by(self, command: Stop) -> None:
        """End the script: at a step where a process of it is the run, at once where there is none, or at the second."""
        if self._link.connected and self._stop is None and command.when != "now":
            self._stop = command
            self._stop_due = monotonic() + GRACE if command.when == "batch" else 0.0
            self._link.send(command)
            return
        self._stop = self._stop or command
        self._stop_due = 0.0
        sent = self._child.end()
        detail = f"{sent} was sent to the script"
        self.bus.publish(self.name, ev.StatusChanged(status="stopping", detail=detail, step=self._step, cause=command))

    def _insist(self) -> None:
        """Send the signal that a step did not come for, or the next one where the last had no effect."""
        if self._stop_due and monotonic() > self._stop_due:
            self._stop_due = 0.0
            self._say(f"no step came: {self._child.end(signal.SIGINT)} was sent to the script")
            return
        sent = self._child.insist(leaving=self._link.was_there and not self._link.connected)
        if sent:
            self._say(f"the script goes on: {sent} was sent to it")

    def _on_signal(self, number: int, _frame: object) -> None:
        """Only record the signal."""
        self._signals.append(signal.Signals(number))
        self._serving.wake()

    def _ended_by(self, number: signal.Signals) -> None:
        self._by_signal = self._by_signal or number.name
        sent = self._child.end(None if number is signal.SIGINT else _ENDING[number])
        self._say(f"{number.name}: {sent} was sent to the script")

    def _finish(self, code: int) -> None:
        """Take what was printed and sent until the end, and publish the end of the run."""
        while data := self._child.read():
            self._take(data)
        self._log_lines(self._lines.unfinished(last=True))
        for line in self._states.last():
            self._look(line)
        self._metrics.end()
        deadline, turns = monotonic() + AFTER_SECONDS, 0
        # In turns too: on a busy machine the time can pass before the first of them.
        while self._link.connected and (monotonic() < deadline or turns < AFTER_SECONDS / AFTER_TURN):
            self._link.receive()
            self._turn(AFTER_TURN)
            turns += 1
        self.exit_code = code
        if not self._link.was_there:
            self._output.flush()
            self._pass_on(self._progress.last())
        self._over = True
        self._publish(self._end(code))

    def _end(self, code: int) -> ev.RunFinished:
        if self._stop is not None:
            reason, detail = self._stop.reason, f"the script ended with exit code {code}"
        elif self._by_signal:
            reason, detail = "interrupted", f"{self._by_signal}; the script ended with exit code {code}"
        elif self._child.killed_by:
            reason, detail = "failed", f"the script was killed by {self._child.killed_by}"
        elif code:
            reason, detail = "failed", f"the script ended with exit code {code}{last_words(self._last_words)}"
        else:
            reason, detail = "completed", "the script ended with exit code 0"
        own = self._finished
        if own is not None:
            return own.model_copy(
                update={"exit_code": code} | ({} if own.reason == reason else {"reason": reason, "detail": detail})
            )
        state = self.bus.states()[0]
        return ev.RunFinished(
            reason=reason,
            detail=detail,
            step=state.step,
            epoch=state.epoch,
            seconds=state.seconds,
            metrics={name: value for name, value in state.metrics.items() if "/" not in name},
            best=state.best,
            exit_code=code,
            cause=self._stop,
        )


def main() -> int:
    """Watch in this process: the spec comes as JSON on standard input."""
    spec = WatchSpec.decode(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    try:
        watcher = Watcher(spec)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    code = watcher.serve()
    if spec.socket:
        log = Path(spec.socket).with_suffix(".log")  # what went wrong in here; empty unless something did
        with contextlib.suppress(OSError):
            if not log.stat().st_size:
                log.unlink()
    return code


if __name__ == "__main__":
    sys.exit(main())
