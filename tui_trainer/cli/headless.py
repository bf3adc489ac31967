"""Train without a screen: the same host, with plain lines on standard output."""

from __future__ import annotations

import faulthandler
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.cli.crash_watch import crash_watch
from tui_trainer.errors import UserError
from tui_trainer.host.log_capture import LogCapture
from tui_trainer.host.spec import HostSpec, early_log
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import describe, epoch_line
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.host.host import OtherRanks

MAX_BUFFERED = 10_000
"""Maximum number of buffered lines; more are dropped while the reader of stdout is slow."""


class Printer:
    """A subscriber that prints events as lines. `put` buffers them; the host's thread writes them with `write`.

    Args:
        descriptor: file descriptor to write to.
        show_names: whether each line starts with the name of its run.
        knows_rate: whether the learning rate of a run is always known; else 0 is not printed.
    """

    def __init__(self, descriptor: int, show_names: bool, *, knows_rate: bool = True) -> None:
        self._descriptor = descriptor
        self._show_names, self._knows_rate = show_names, knows_rate
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._epochs: dict[str, int] = {}
        self._broken = False

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Buffer the text of an event, if it has one."""
        text = self._text(event)
        if text is None:
            return
        prefix = f"{event.run.rpartition('/')[2]}: " if self._show_names else ""
        with self._lock:
            if len(self._lines) < MAX_BUFFERED:
                self._lines += [visible(prefix + part) for part in text.split("\n")]

    def restart(self) -> None:
        """Do nothing: a printer needs no earlier state."""

    def _text(self, event: ev.AnyEvent) -> str | None:
        match event:
            case ev.RunStarted():
                self._epochs[event.run] = event.epochs
                return f"{event.run}: {describe(event)}"
            case ev.SettingChanged(name="epochs"):
                self._epochs[event.run] = int(event.value)
                return describe(event)
            case ev.EpochEnded():
                rate = self._knows_rate or event.lr != 0
                return epoch_line(event, self._epochs.get(event.run, event.epoch), rate=rate)
            case ev.Logged():
                return "\n".join(event.lines)
            case ev.StatusChanged(status="starting" | "running", cause=None) | ev.CheckpointSaved(cause=None):
                return None
            case ev.RunFinished(reason="refused"):
                return None  # the command line prints it on stderr
            case _:
                return describe(event)

    def write(self) -> None:
        """Write the buffered lines. If stdout is closed, training continues without output."""
        with self._lock:
            lines, self._lines = self._lines, []
        if lines and not self._broken:
            try:
                os.write(self._descriptor, ("\n".join(lines) + "\n").encode(errors="replace"))
            except OSError:
                self._broken = True

    def print_now(self, text: str) -> None:
        """Write a text at once, after the buffered lines."""
        with self._lock:
            self._lines.append(text)
        self.write()


def train(spec: HostSpec, others: OtherRanks | None = None) -> int:
    """Train the runs of a spec in this process and return the exit code.

    Standard output carries only our lines: output of the process itself is captured in host.log and printed as lines.

    Args:
        spec: the runs. Several processes are started for one that asks for them.
        others: the processes that train the run with this one, which was started with them.

    Raises:
        UserError: the host refused to train.
    """
    if spec.processes > 1 and others is None:
        from tui_trainer.distributed.launcher import launch

        return launch(spec, "tui_trainer.cli.processes.rank")
    early = early_log(spec)
    with crash_watch((early, Path(spec.runs[0].path) / "host.log")):
        code, refusal = _train(spec, LogCapture(early), others)
    if refusal:
        raise UserError(refusal) if code == 2 else SystemExit(code)
    return code


def _train(spec: HostSpec, output: LogCapture, others: OtherRanks | None) -> tuple[int, str]:
    """Train with standard output and standard error captured. Returns the exit code, and why nothing was trained."""
    own = os.dup(1)
    saved = os.dup(2)
    output.capture()
    traced = faulthandler.is_enabled()
    faulthandler.enable()
    try:
        return _serve(spec, output, own, others)
    finally:
        if not traced:
            faulthandler.disable()
        output.discard_if_early(early_log(spec).parent)
        output.release()
        os.dup2(own, 1)
        os.dup2(saved, 2)
        os.close(own)
        os.close(saved)


def _serve(spec: HostSpec, output: LogCapture, descriptor: int, others: OtherRanks | None) -> tuple[int, str]:
    from tui_trainer.host.host import Host

    host = Host(spec, output=output, others=others)
    printer = Printer(descriptor, show_names=len(spec.runs) > 1)
    host.bus.subscribe(printer, lambda states: None)
    host.after_tick = printer.write
    code = host.serve()
    printer.write()
    if not host.refusal:
        for state in host.bus.states():
            printer.print_now(_chart(state))
            printer.print_now(_location(state))
    return code, host.refusal


def _chart(state: RunState) -> str:
    """Return the loss chart of a run as plain text."""
    from tui_trainer.ui.render.text_chart import plain_chart

    return plain_chart(state)


def _location(state: RunState) -> str:
    """Return a line with the path of the run directory."""
    path = state.started.path if state.started is not None else ""
    return f"run directory: {visible(path)}"
