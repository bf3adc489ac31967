"""A host: the trainer in a worker thread, viewers and signals in the main one. `python -m tui_trainer.host.host`."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import selectors
import signal
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import psutil

from tui_trainer.errors import UserError
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.log_capture import LogCapture
from tui_trainer.host.server import Server
from tui_trainer.host.spec import HostSpec
from tui_trainer.host.worker import Worker
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand, Stop
from tui_trainer.runs.run_dir import RunDir

TICK = 0.1
"""Seconds between two turns of the serving thread: measurements and captured output reach viewers within this time,
answers and signals at once."""
MEASURE = 1.0
GOODBYE = 5.0
"""Seconds that viewers have to take what waits for them when everything is over."""


class Host:
    """Trains the runs of a spec, and serves whoever watches them.

    Args:
        spec: the runs.
        output: what the process prints, already captured; None leaves descriptors 1 and 2 alone.
        listen: whether other processes may join.
        handle_signals: SIGTERM and SIGINT stop the runs after the batch in hand; the second one cuts validation short.
    """

    def __init__(
        self, spec: HostSpec, *, output: LogCapture | None = None, listen: bool = True, handle_signals: bool = True
    ) -> None:
        self.spec = spec
        self.bus = EventBus(self.wake)
        self.worker = Worker(spec, self.bus, self._opened)
        self.after_tick: Callable[[], None] = lambda: None
        """Called in the serving thread whenever something happened: the headless printer draws from here."""
        self._output = output
        self._selector = selectors.DefaultSelector()
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._reader, selectors.EVENT_READ, self._awake)
        # Whoever still holds this host may wake it after it is over: nothing else may have the number until then.
        weakref.finalize(self, os.close, self._writer).atexit = False
        self._process = psutil.Process()
        self._handle_signals = handle_signals
        self._signals: list[str] = []
        self._requeued = False
        for run in spec.runs:
            self.bus.add_run(run.name)
        self._server = Server(Path(spec.socket), self.bus, self.obey) if listen else None

    @property
    def exit_code(self) -> int:
        """Of the process, once the last run is over."""
        code = self.worker.exit_code
        return self.spec.requeue_code if self._requeued and code == 0 and not self.worker.completed else code

    @property
    def refusal(self) -> str:
        """Why nothing was trained, empty where something was."""
        return self.worker.refusal

    # -- the serving thread -----------------------------------------------------------------------------------------

    def serve(self) -> int:
        """Train everything and serve everyone; returns the exit code when the last run is over."""
        if self._server is not None:
            self._server.register(self._selector)
        if self._handle_signals:
            self._catch_signals()
        thread = threading.Thread(target=self._work, name="trainer", daemon=True)
        thread.start()
        measured = 0.0
        while not self.worker.over.is_set():
            self._serve_once(TICK)
            if monotonic() - measured >= MEASURE:
                measured = monotonic()
                self._measure()
                self.worker.claim()
                self.bus.check_journals()
                if self._output is not None:
                    self._output.check()
        if self.worker.began:
            thread.join()
        self._say_goodbye()
        return self.exit_code

    def _work(self) -> None:
        try:
            self.worker.work()
        finally:
            self.wake()

    def _serve_once(self, timeout: float) -> None:
        for key, mask in self._selector.select(timeout):
            key.data(mask)
        while self._signals:
            name = self._signals.pop(0)
            self._requeued = self._requeued or name == self.spec.requeue_signal
            self.obey(Stop(by=name, reason="interrupted"))
        self._pass_on_output()
        self.bus.flush()
        if self._server is not None:
            self._server.flush()
        self.after_tick()

    def _say_goodbye(self) -> None:
        deadline = monotonic() + GOODBYE
        self._serve_once(0)
        while self._server is not None and not self._server.idle and monotonic() < deadline:
            self._serve_once(0.05)
        self.bus.close()
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):
                self._note.unlink()
        self.worker.release()
        self._selector.close()
        os.close(self._reader)

    def wake(self) -> None:
        """Have the serving thread look at once. Safe in any thread and in signal handlers."""
        with contextlib.suppress(OSError):
            os.write(self._writer, b"\0")

    def _awake(self, mask: int) -> None:
        del mask
        with contextlib.suppress(OSError):
            os.read(self._reader, 1 << 16)

    def _pass_on_output(self) -> None:
        lines = self._output.lines() if self._output is not None else []
        if lines:
            for run in self.spec.runs[:1]:
                self.bus.publish(run.name, ev.Logged(lines=lines))

    def _measure(self) -> None:
        """Publish what the process uses."""
        device = self.worker.device_memory
        memory = self._process.memory_info().rss
        cpu = self._process.cpu_percent() / 100
        for run in self.spec.runs:
            self.bus.publish(run.name, ev.ResourcesMeasured(memory=memory, device_memory=device, cpu=round(cpu, 2)))

    def _catch_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if self.spec.requeue_signal:
            signal.signal(signal.Signals[self.spec.requeue_signal], self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _on_signal(self, number: int, frame: object) -> None:
        """Only remember: nothing that takes a lock may happen in a signal handler."""
        del frame
        self._signals.append(signal.Signals(number).name)
        self.wake()

    # -- commands ---------------------------------------------------------------------------------------------------

    def obey(self, command: AnyCommand) -> str | None:
        """Pass a command on to the runs it is for; a reason where there is none."""
        return self.worker.obey(command)

    def _opened(self, folder: RunDir) -> None:
        """Print into the run's own log from now on; and beside the socket, for `attach`, note where the runs are."""
        if self._output is not None:
            self._output.move_to(folder.log, folder.claim)
        if self._server is not None:
            with contextlib.suppress(OSError):
                self._note.write_text(json.dumps({"runs": [run.path for run in self.spec.runs]}))

    @property
    def _note(self) -> Path:
        return Path(self.spec.socket).with_suffix(".json")


def main() -> int:
    """A host as a process of its own: the spec on standard input, everything printed goes to the log."""
    spec = HostSpec.model_validate_json(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    output = LogCapture(Path(spec.socket).with_suffix(".log"))
    output.capture()
    faulthandler.enable()
    try:
        host = Host(spec, output=output)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    code = host.serve()
    output.discard_if_early(Path(spec.socket).parent)
    return code


if __name__ == "__main__":
    # Not sys.exit: an abandoned worker may still be importing torch, and tearing the interpreter down under it crashes.
    code = main()
    sys.stdout.flush()
    os._exit(code)
