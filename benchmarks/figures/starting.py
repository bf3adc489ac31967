"""Seconds to the first frame of each screen, and of commands that only print."""

from __future__ import annotations

import compileall
import contextlib
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from time import monotonic

from benchmarks.figures import Effort
from benchmarks.sandbox import ROOT, Sandbox, wait_for
from benchmarks.statistics import Row, ratios, spread
from benchmarks.terminal import Terminal

LABEL = """
from textual.app import App
from textual.widgets import Label
class One(App):
    def compose(self):
        yield Label("hello")
One().run()
"""


def first_frame(effort: Effort) -> list[Row]:
    """Measure from the start of the process to the first text, compared with a Textual app of one label."""
    ours = {
        "tui-trainer": (),
        "tui-trainer run": ("run", "tiny.toml", "training.epochs=100000"),
        "tui-trainer attach": ("attach", "live"),
        "tui-trainer open": ("open", "over"),
    }
    figures = {f"first frame of {name}": arguments for name, arguments in ours.items()}
    with _two_runs() as sandbox:
        return _race(sandbox, figures, _seen, ("a Textual app with one label", LABEL), effort.rounds, target=1.5)


def commands(effort: Effort) -> list[Row]:
    """Measure commands that print and exit, compared with importing pydantic."""
    ours = {
        "tui-trainer --help": ("--help",),
        "tui-trainer presets": ("presets",),
        "tui-trainer runs": ("runs",),
        "tui-trainer send": ("send", "live", "note", "text=hello"),
    }
    with _two_runs() as sandbox:
        baseline = ('python -c "import pydantic"', "import pydantic")
        return _race(sandbox, ours, _ran, baseline, effort.rounds + 2, target=2.0)


def compiled() -> None:
    """Compile the package, as an installation does."""
    compileall.compile_dir(ROOT / "tui_trainer", quiet=1)


@contextlib.contextmanager
def _two_runs() -> Generator[Sandbox]:
    """Compile the package, as an installation does, and create the finished run `over` and the paused run `live`."""
    compiled()
    sandbox = Sandbox()
    try:
        sandbox.run("run", "tiny.toml", "--headless", "--name", "over")
        sandbox.run("run", "digits-mlp", "--detach", "--name", "live", "training.epochs=100000")
        sandbox.run("send", "live", "pause")
        wait_for(lambda: any(run["status"] == "paused" for run in sandbox.json("runs")), 20)
        yield sandbox
    finally:
        sandbox.close()


def _race(
    sandbox: Sandbox,
    ours: Mapping[str, tuple[str, ...]],
    measure: Callable[[Sandbox, list[str]], float],
    baseline: tuple[str, str],
    rounds: int,
    *,
    target: float,
) -> list[Row]:
    """Measure each command in turn and a Python script (name, source) as the baseline."""
    baselines: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in ours}
    for _ in range(rounds):
        baselines.append(measure(sandbox, [sys.executable, "-c", baseline[1]]))
        for name, arguments in ours.items():
            times[name].append(measure(sandbox, [sys.executable, "-m", "tui_trainer", *arguments]))
            if arguments[:1] == ("run",):
                _end_new_hosts(sandbox)
    return [
        Row(
            name,
            baseline[0],
            ratios(seconds, baselines),
            target=target,
            comparison="<=",
            note=f"{spread(seconds)[1]:.2f} s / {spread(baselines)[1]:.2f} s",
        )
        for name, seconds in times.items()
    ]


def _seen(sandbox: Sandbox, command: list[str]) -> float:
    began = monotonic()
    terminal = Terminal(command, 140, 40, sandbox.environ, str(sandbox.directory))
    try:
        return terminal.first_text() - began
    finally:
        terminal.close()


def _ran(sandbox: Sandbox, command: list[str]) -> float:
    began = monotonic()
    subprocess.run(command, cwd=sandbox.directory, env=sandbox.environ, capture_output=True, check=True)
    return monotonic() - began


def _end_new_hosts(sandbox: Sandbox) -> None:
    """Kill the host that `run` started, which would use the CPU during the next measurement."""
    for host in sandbox.hosts():
        if host.pid != sandbox.pid("live"):
            host.kill()
            host.wait(10)
