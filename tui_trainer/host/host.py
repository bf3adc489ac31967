"""The training process: `python -m tui_trainer.host.host` with a `HostSpec` as JSON on standard input.

serving thread (main)                          trainer thread
    every TICK, or when it is woken:               build the runs, open their folders, train
        accept viewers, read their commands        publish events on the event bus, which
        turn signals into Stop commands                queues lines for the journals and the viewers
        publish what the process printed               wakes the serving thread
        write the journals
        send each viewer its queued lines
    every MEASURE_SECONDS:
        publish memory and CPU, check the run folders and journals
when the last run is over: send what is queued, close journals and socket, exit
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from tui_trainer.config.permissions.allow import Allow
from tui_trainer.errors import UserError
from tui_trainer.host.event_command import EventCommand
from tui_trainer.host.log_capture import LogCapture
from tui_trainer.host.serving import SHUTDOWN_SECONDS, Serving
from tui_trainer.host.spare import OPTION, wait_for_spec
from tui_trainer.host.spec import HostSpec, early_log
from tui_trainer.host.worker import Worker
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand, Stop
from tui_trainer.runs.run_dir import RunDir

if TYPE_CHECKING:
    from tui_trainer.engine.ranks.ranks import JoinedRanks

TICK = 0.1
"""Seconds between two turns of the serving thread: measurements and captured output reach viewers within this time,
answers and signals at once."""
GONE_SECONDS = 3.0
"""Seconds that the worker has to notice by itself that another rank is gone."""
MEASURE_SECONDS = 1.0
"""Seconds between two measurements of memory and CPU, and between two checks of the run folders."""


class OtherRanks(Protocol):
    """The processes that train the run with this one, which is rank 0."""

    def join(self) -> JoinedRanks:
        """Join them. Called in the worker, once torch is imported."""
        ...

    def on_signal(self, name: str) -> bool:
        """Take in a signal that all ranks obey at one step. Returns False before they train."""
        ...

    def look(self, publish: Callable[[str, ev.AnyEvent], object]) -> str:
        """Publish what they have printed. Returns which of them are gone and why, empty while all are there."""
        ...


class Host:
    """Trains the runs of a spec and serves their viewers.

    Args:
        spec: the runs.
        output: the captured output of the process; None leaves descriptors 1 and 2 alone.
        listen: whether viewers in other processes may connect.
        handle_signals: SIGTERM and SIGINT stop the runs after the current batch; a second one skips validation.
        others: the processes that train the run with this one; None where it trains alone.
    """

    def __init__(
        self,
        spec: HostSpec,
        *,
        output: LogCapture | None = None,
        listen: bool = True,
        handle_signals: bool = True,
        others: OtherRanks | None = None,
    ) -> None:
        self.spec = spec
        self._others = others
        self._serving = Serving(spec.socket if listen else "", self.submit, _allow(spec))
        self.bus, self.gate = self._serving.bus, self._serving.gate
        self.worker = Worker(spec, self.bus, self._opened, others.join if others is not None else None)
        self.worker.ready = self._list_runs
        self.after_tick: Callable[[], None] = lambda: None
        """Called at the end of each turn of the serving thread; the headless printer writes its lines here."""
        self._output = output
        self._handle_signals = handle_signals
        self._signals: list[str] = []
        self._requeued = False
        for run in spec.runs:
            self.bus.add_run(run.name)
        self._command = self._event_command()
        self._begin_mirror()
        self._server = self._serving.server
        self._list_runs(starting=True)

    def _event_command(self) -> EventCommand | None:
        """Subscribe the user's command, where there is one; it prints into host.log."""
        if not self.spec.on_event:
            return None

        def say(run: str, text: str) -> None:
            self.bus.publish(run, ev.Logged(lines=[text], source="trainer"))

        output = None if self._output is None else 2
        command = EventCommand(self.spec.on_event, self.spec.runs, say, output=output)
        self.bus.subscribe(command, lambda states: None)
        return command

    def _begin_mirror(self) -> None:
        """Write the files for other programs that were asked for, and go on with those of a resumed run."""
        resumed = [run.name for run in self.spec.runs if run.resume]
        if self.spec.mirror or resumed:
            from tui_trainer.host.mirroring.mirror import start_mirror

            folders = {run.name: Path(run.path) for run in self.spec.runs}
            start_mirror(self.bus, self.spec.mirror, folders, resumed)

    @property
    def exit_code(self) -> int:
        """Exit code of the process, once the last run is over."""
        code = self.worker.exit_code
        return self.spec.requeue_code if self._requeued and code == 0 and not self.worker.completed else code

    @property
    def refusal(self) -> str:
        """Why nothing was trained; empty if training began."""
        return self.worker.refusal

    # -- the serving thread -----------------------------------------------------------------------------------------

    def serve(self) -> int:
        """Train every run and serve viewers until the last run is over. Returns the exit code."""
        self._serving.register()
        if self._handle_signals:
            self._catch_signals()
        thread = threading.Thread(target=self._work, name="trainer", daemon=True)
        thread.start()
        measured = 0.0
        while not self.worker.over.is_set():
            self._serve_once(TICK)
            if self._others is not None and self._end_without(self._others.look(self.bus.publish)):
                return self.exit_code
            if monotonic() - measured >= MEASURE_SECONDS:
                measured = monotonic()
                self._measure()
                self.worker.claim()
                self.bus.check_journals()
                if self._output is not None:
                    self._output.check()
        if self.worker.began:
            thread.join()
        self._shut_down()
        if self._command is not None:
            self._command.close()
        return self.exit_code

    def _end_without(self, gone: str) -> bool:
        """End the run if other ranks are gone, also where the worker still waits for them. Returns whether it did."""
        if not gone:
            return False
        if not self.worker.over.wait(GONE_SECONDS):
            for run in self.spec.runs:
                self.bus.publish(run.name, ev.RunFinished(reason="failed", detail=gone, exit_code=1))
            self.worker.exit_code = 1
        self._shut_down()
        return True

    def _work(self) -> None:
        try:
            self.worker.work()
        finally:
            self.wake()

    def _serve_once(self, timeout: float) -> None:
        self._serving.wait(timeout)
        while self._signals:
            name = self._signals.pop(0)
            self._requeued = self._requeued or name == self.spec.requeue_signal
            if self._others is not None and self._others.on_signal(name):
                continue
            self.submit(Stop(by=name, reason="interrupted"))
        self._publish_output()
        self._serving.send()
        self.after_tick()

    def _shut_down(self) -> None:
        self._publish_output(last=True)
        self._serving.close(self._serve_once, busy=self._command_works, late=self._say_slow)
        self.worker.release()
        self._serving.release()

    def _command_works(self) -> bool:
        """Return whether the user's command keeps the host from ending."""
        return self._command is not None and self._command.has_work

    def _say_slow(self) -> None:
        """Say that the user's command was not waited for any longer."""
        if self._command is not None and self._command.has_work:
            self._command.report_slow(SHUTDOWN_SECONDS)
            self._serve_once(0)

    def wake(self) -> None:
        """Start the next turn of the serving thread now. Safe in any thread and in signal handlers."""
        self._serving.wake()

    def _publish_output(self, *, last: bool = False) -> None:
        if self._output is None:
            return
        lines = self._output.last_lines() if last else self._output.lines()
        if lines:
            for run in self.spec.runs[:1]:
                self.bus.publish(run.name, ev.Logged(lines=lines))

    def _measure(self) -> None:
        """Publish the memory and CPU that the process uses."""
        self._serving.measure([run.name for run in self.spec.runs], self.worker.device_memory)

    def _catch_signals(self) -> None:
        """Handle what asks for an end. What was ignored when the program began stays ignored: a shell starts jobs in
        the background so, and what a terminal sends its job in the foreground is not for them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if self.spec.requeue_signal:
            signal.signal(signal.Signals[self.spec.requeue_signal], self._on_signal)

    def _on_signal(self, number: int, _frame: object) -> None:
        """Only record the signal: a signal handler must not take a lock."""
        self._signals.append(signal.Signals(number).name)
        self.wake()

    # -- commands ---------------------------------------------------------------------------------------------------

    def submit(self, command: AnyCommand) -> str | None:
        """Queue a command for its runs. Returns the reason where no run can take it, else None."""
        return self.worker.submit(command)

    def _opened(self, folder: RunDir) -> None:
        """Move the captured output to the run's host.log."""
        if self._output is not None:
            self._output.move_to(folder.log, folder.claim)

    def _list_runs(self, *, starting: bool = False) -> None:
        """Write the runs into the list next to the socket, for commands in other processes."""
        runs = [{"name": run.name, "path": run.path, "preset": run.preset} for run in self.spec.runs]
        self._serving.list_runs(runs, starting=starting)


def _allow(spec: HostSpec) -> Allow | None:
    """Return the permissions of the first run, which are those of the host's wheel."""
    return Allow.model_validate(spec.runs[0].config.get("allow", {})) if spec.runs else None


def main() -> int:
    """Run a host in this process: read its spec from standard input and capture its output in a log file."""
    line, printed = wait_for_spec() if OPTION in sys.argv else (sys.stdin.buffer.read(), b"")
    spec = HostSpec.model_validate_json(line)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    output = LogCapture(early_log(spec))
    output.capture()
    if printed:
        os.write(2, printed)
    faulthandler.enable()
    try:
        host = Host(spec, output=output)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    code = host.serve()
    output.release()
    output.discard_if_early(early_log(spec).parent)
    return code


if __name__ == "__main__":
    # Not sys.exit: an abandoned worker may still be importing torch, and interpreter shutdown would crash it.
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
