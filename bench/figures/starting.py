"""How long until something is seen: the first frame of each screen, and the commands that only print."""

from __future__ import annotations

import compileall
import subprocess
import sys
from time import monotonic

from bench.figures import Effort
from bench.place import ROOT, Place, wait_for
from bench.rounds import Row, ratios, spread
from bench.terminal import Terminal

LABEL = """
from textual.app import App
from textual.widgets import Label
class One(App):
    def compose(self):
        yield Label("hello")
One().run()
"""


def _installed() -> Place:
    """A place with the program as an installation leaves it: compiled, like what it is measured against."""
    compileall.compile_dir(ROOT / "tui_trainer", quiet=1)
    return Place()


def first_frame(effort: Effort) -> list[Row]:
    """From the start of the process to the first cells drawn, beside a Textual application that shows one label."""
    place = _installed()
    try:
        place.run("run", "tiny.toml", "--headless", "--name", "over")
        place.run("run", "digits-mlp", "--detach", "--name", "live", "training.epochs=100000")
        place.run("send", "live", "pause")
        ours = {
            "tui-trainer": (),
            "tui-trainer run": ("run", "tiny.toml", "training.epochs=100000"),
            "tui-trainer attach": ("attach", "live"),
            "tui-trainer open": ("open", "over"),
        }
        labels: list[float] = []
        times: dict[str, list[float]] = {name: [] for name in ours}
        for _ in range(effort.rounds):
            labels.append(_seen(place, [sys.executable, "-c", LABEL]))
            for name, arguments in ours.items():
                times[name].append(_seen(place, [sys.executable, "-m", "tui_trainer", *arguments]))
                if name.endswith("run"):
                    _end_new_runs(place)
    finally:
        place.close()
    return [
        Row(
            f"first frame of {name}",
            "a Textual app with one label",
            ratios(found, labels),
            reach=1.5,
            way="<=",
            note=f"{spread(found)[1]:.2f} s / {spread(labels)[1]:.2f} s",
        )
        for name, found in times.items()
    ]


def _seen(place: Place, command: list[str]) -> float:
    began = monotonic()
    terminal = Terminal(command, 140, 40, place.environ, str(place.directory))
    try:
        return terminal.first_byte() - began
    finally:
        terminal.close()


def _end_new_runs(place: Place) -> None:
    """End the hosts that `run` started: their screens are gone, and they would train on."""
    runs = [run for run in place.json("runs") if run["status"] == "running" and run["name"] != "live"]
    for run in runs:
        place.run("send", run["name"], "stop")


def commands(effort: Effort) -> list[Row]:
    """Commands that print and end, beside importing pydantic."""
    place = _installed()
    try:
        place.run("run", "tiny.toml", "--headless", "--name", "over")
        place.run("run", "digits-mlp", "--detach", "--name", "live", "training.epochs=100000")
        place.run("send", "live", "pause")
        wait_for(lambda: any(run["status"] == "paused" for run in place.json("runs")), 20)
        ours = {
            "tui-trainer --help": ("--help",),
            "tui-trainer presets": ("presets",),
            "tui-trainer runs": ("runs",),
            "tui-trainer send": ("send", "live", "note", "text=hello"),
        }
        base: list[float] = []
        times: dict[str, list[float]] = {name: [] for name in ours}
        for _ in range(effort.rounds + 2):
            base.append(_ran(place, [sys.executable, "-c", "import pydantic"]))
            for name, arguments in ours.items():
                times[name].append(_ran(place, [sys.executable, "-m", "tui_trainer", *arguments]))
    finally:
        place.close()
    return [
        Row(
            name,
            'python -c "import pydantic"',
            ratios(found, base),
            reach=2.0,
            way="<=",
            note=f"{spread(found)[1]:.2f} s / {spread(base)[1]:.2f} s",
        )
        for name, found in times.items()
    ]


def _ran(place: Place, command: list[str]) -> float:
    began = monotonic()
    subprocess.run(command, cwd=place.directory, env=place.environ, capture_output=True, check=True)
    return monotonic() - began
