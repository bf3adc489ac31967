"""How long until something is seen: the first frame of each screen, and the commands that only print."""

from __future__ import annotations

import compileall
import contextlib
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from time import monotonic

from benchmarks.figures import Effort
from benchmarks.sandbox import ROOT, Place, wait_for
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
    """From the start of the process to the first cells drawn, beside a Textual application that shows one label."""
    ours = {
        "tui-trainer": (),
        "tui-trainer run": ("run", "tiny.toml", "training.epochs=100000"),
        "tui-trainer attach": ("attach", "live"),
        "tui-trainer open": ("open", "over"),
    }
    figures = {f"first frame of {name}": arguments for name, arguments in ours.items()}
    with _two_runs() as place:
        return _race(place, figures, _seen, ("a Textual app with one label", LABEL), effort.rounds, reach=1.5)


def commands(effort: Effort) -> list[Row]:
    """Commands that print and end, beside importing pydantic."""
    ours = {
        "tui-trainer --help": ("--help",),
        "tui-trainer presets": ("presets",),
        "tui-trainer runs": ("runs",),
        "tui-trainer send": ("send", "live", "note", "text=hello"),
    }
    with _two_runs() as place:
        beside = ('python -c "import pydantic"', "import pydantic")
        return _race(place, ours, _ran, beside, effort.rounds + 2, reach=2.0)


@contextlib.contextmanager
def _two_runs() -> Generator[Place]:
    """The program as an installation leaves it (compiled, like what it is measured against), and two runs: `over` is
    over, `live` is paused."""
    compileall.compile_dir(ROOT / "tui_trainer", quiet=1)
    place = Place()
    try:
        place.run("run", "tiny.toml", "--headless", "--name", "over")
        place.run("run", "digits-mlp", "--detach", "--name", "live", "training.epochs=100000")
        place.run("send", "live", "pause")
        wait_for(lambda: any(run["status"] == "paused" for run in place.json("runs")), 20)
        yield place
    finally:
        place.close()


def _race(
    place: Place,
    ours: Mapping[str, tuple[str, ...]],
    measure: Callable[[Place, list[str]], float],
    beside: tuple[str, str],
    rounds: int,
    *,
    reach: float,
) -> list[Row]:
    """Each of our commands in turn, beside a script of Python: its name, and its source."""
    base: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in ours}
    for _ in range(rounds):
        base.append(measure(place, [sys.executable, "-c", beside[1]]))
        for name, arguments in ours.items():
            times[name].append(measure(place, [sys.executable, "-m", "tui_trainer", *arguments]))
            if arguments[:1] == ("run",):
                _end_new_hosts(place)
    return [
        Row(
            name,
            beside[0],
            ratios(found, base),
            reach=reach,
            way="<=",
            note=f"{spread(found)[1]:.2f} s / {spread(base)[1]:.2f} s",
        )
        for name, found in times.items()
    ]


def _seen(place: Place, command: list[str]) -> float:
    began = monotonic()
    terminal = Terminal(command, 140, 40, place.environ, str(place.directory))
    try:
        return terminal.first_text() - began
    finally:
        terminal.close()


def _ran(place: Place, command: list[str]) -> float:
    began = monotonic()
    subprocess.run(command, cwd=place.directory, env=place.environ, capture_output=True, check=True)
    return monotonic() - began


def _end_new_hosts(place: Place) -> None:
    """End the host that `run` started: its screen is gone, and it would train on beside others, or import torch."""
    for host in place.hosts():
        if host.pid != place.pid("live"):
            host.kill()
            host.wait(10)
