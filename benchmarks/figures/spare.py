"""Seconds from a key to the first step on the chart, with a spare host and without one."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable
from time import monotonic, sleep

import psutil

from benchmarks.figures import Effort
from benchmarks.figures.starting import LABEL, compiled
from benchmarks.sandbox import Sandbox, wait_for
from benchmarks.statistics import Row, ratios, spread
from benchmarks.terminal import Terminal

STEP = re.compile(r"train [0-9]")
"""The legend of the loss chart, once the chart has a step to draw."""
QUIET = 1.5
"""Seconds without CPU time after which a spare host has imported everything."""
LIMIT = 180.0
"""Seconds to wait for a screen."""
Press = Callable[[Sandbox, Terminal], float]


def spare(effort: Effort) -> list[Row]:
    """Measure enter on home, and the next lesson in the lecture; each in turns with a host that is started then."""
    compiled()
    rows: list[Row] = []
    for name, arguments, press in (
        ("home, enter", (), _enter),
        ("lecture, next lesson", ("lecture", "S02"), _next_lesson),
    ):
        with_spare: list[float] = []
        without: list[float] = []
        labels: list[float] = []
        for _ in range(effort.fewer(5)):
            without.append(_measure(arguments, press, "0"))
            with_spare.append(_measure(arguments, press, "1"))
            labels.append(_label())
        seconds, cold, label = (spread(values)[1] for values in (with_spare, without, labels))
        note = f"{seconds:.2f} s / {cold:.2f} s; a label draws in {label:.2f} s"
        name = f"{name} to the first step"
        rows.append(Row(name, "a host started then", ratios(with_spare, without), "", 0.1, "<=", note))
        rows.append(Row(name, "a Textual app with one label", ratios(with_spare, labels), "", 3.5, "<="))
    return rows


def _measure(arguments: tuple[str, ...], press: Press, switch: str) -> float:
    """Return the seconds from the key to the first step on the chart, -1 where it did not come."""
    sandbox = Sandbox()
    environ = {**sandbox.environ, "TUI_TRAINER_SPARE": switch, "XDG_CONFIG_HOME": str(sandbox.directory)}
    command = [sys.executable, "-m", "tui_trainer", *arguments]
    terminal = Terminal(command, 140, 40, environ, str(sandbox.directory), interpret=True)
    try:
        began = press(sandbox, terminal)
        shown = terminal.wait(lambda text: STEP.search(text) is not None, LIMIT)
        return shown - began if shown > 0 else -1.0
    finally:
        terminal.close()
        for host in sandbox.hosts():
            with contextlib.suppress(psutil.Error):
                host.kill()
                host.wait(10)
        sandbox.close()


def _enter(sandbox: Sandbox, terminal: Terminal) -> float:
    """Choose a preset on home, wait for the spare host, and press enter."""
    terminal.wait(lambda text: "digits-mlp" in text, LIMIT)
    terminal.press("/")
    terminal.press("digits-mlp")
    terminal.wait(lambda text: "/ to search" not in text and "digits-mlp" in text, LIMIT)
    _until_quiet(sandbox, terminal)
    began = monotonic()
    terminal.press("\r")
    return began


def _next_lesson(sandbox: Sandbox, terminal: Terminal) -> float:
    """Stop the first lesson, wait for the spare host, and go to the next lesson."""
    terminal.wait(lambda text: "steps/s" in text, LIMIT)
    sandbox.run("send", "last", "stop", "when=now")
    terminal.wait(lambda text: "stopped" in text, LIMIT)
    _until_quiet(sandbox, terminal)
    began = monotonic()
    terminal.press(">")
    terminal.wait(lambda text: "perceptron" in text, LIMIT)
    return began


def _until_quiet(sandbox: Sandbox, terminal: Terminal) -> None:
    """Wait until the screen and its spare host, where there is one, use no CPU time."""
    sleep(QUIET)  # the screen starts it a second after it was drawn

    def used() -> float:
        processes = [psutil.Process(terminal.process.pid), *sandbox.hosts()]
        total = 0.0
        for process in processes:
            with contextlib.suppress(psutil.Error):
                total += process.cpu_times().user + process.cpu_times().system
        return total

    def quiet() -> bool:
        before = used()
        sleep(QUIET)
        return used() - before < 0.1

    wait_for(quiet, LIMIT)


def _label() -> float:
    """Return the seconds that a Textual app with one label takes to draw."""
    sandbox = Sandbox()
    terminal = Terminal([sys.executable, "-c", LABEL], 140, 40, sandbox.environ, str(sandbox.directory))
    try:
        return terminal.first_text() - terminal.started
    finally:
        terminal.close()
        sandbox.close()
