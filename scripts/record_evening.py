"""Record an evening with the queue: `python scripts/record_evening.py` writes docs/evening.md from real commands.

Three runs are queued, the process that trains the second is killed, the queue goes on with the third, and the next
morning the runs are compared. It takes a minute or two.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "evening.md"
DEADLINE = 600.0
"""Most seconds that the queue may take."""
WIDTH = 118


class Evening:
    """A directory of its own, and the page that its commands are written to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lines: list[str] = []
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TUI_TRAINER", "PYTHONUNB"))}
        self.environ = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "XDG_STATE_HOME": str(directory / "state"),
            "XDG_CONFIG_HOME": str(directory / "config"),
            "COLUMNS": str(WIDTH),
        }

    def say(self, text: str) -> None:
        """Write a paragraph."""
        self.lines += [text, ""]

    def run(self, command: str) -> None:
        """Run a command of `tui-trainer` and write it with its output, as a terminal shows both streams."""
        result = subprocess.run(
            [sys.executable, "-m", "tui_trainer", *shlex.split(command)],
            cwd=self.directory,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        output = [line.rstrip() for line in result.stdout.replace(str(self.directory), "~/project").splitlines()]
        self.lines += ["```console", f"$ tui-trainer {command}", *output, "```", ""]

    def json(self, *command: str) -> Any:
        """Return what a command prints as JSON."""
        output = subprocess.run(
            [sys.executable, "-m", "tui_trainer", *command, "--json"],
            cwd=self.directory,
            env=self.environ,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        return json.loads(output)

    def wait(self, run: str, *statuses: str, step: int = 0) -> None:
        """Wait until a run has one of the statuses and has taken that many steps."""
        deadline = monotonic() + DEADLINE
        while monotonic() < deadline:
            for entry in self.json("runs"):
                if entry["name"] == run and entry["status"] in statuses and entry["step"] >= step:
                    return
            sleep(0.5)
        raise SystemExit(f"{run} was not {' or '.join(statuses)} within {DEADLINE:.0f} s")

    def kill(self, run: str) -> None:
        """Kill the process that trains a run: the one that writes its host.log."""
        log = (self.directory / "runs" / run / "host.log").stat()
        for process in psutil.process_iter():
            try:
                standard_output = os.stat(f"/proc/{process.pid}/fd/1")
            except OSError:
                continue
            if (standard_output.st_dev, standard_output.st_ino) == (log.st_dev, log.st_ino):
                os.kill(process.pid, signal.SIGKILL)
                return
        raise SystemExit(f"no process trains {run}")


def record(evening: Evening) -> None:
    """Go through the evening and the morning after it."""
    evening.say("# An evening with the queue")
    evening.say(
        "*Made by `python scripts/record_evening.py` from real commands; nothing on this page was typed by hand.*\n\n"
        "In the evening three trainings are queued. `queue run` trains them one after another in the background, so\n"
        "the terminal can be closed."
    )
    evening.run("queue add digits-mlp --name plain")
    evening.run("queue add digits-cnn --name conv")
    evening.run("queue add digits-mlp optimizer.kind=sgd optimizer.lr=0.1 --name sgd")
    evening.run("queue run")
    evening.wait("conv", "running", step=300)
    evening.say(
        "At night the process that trains the second run is killed, as the kernel does when memory runs out\n"
        "(here: `kill -9`). Its epochs are on disk, and the queue goes on with the third."
    )
    evening.kill("conv")
    evening.wait("sgd", "running", "finished", step=1)
    evening.run("queue")
    evening.wait("sgd", "finished")
    evening.say("In the morning:")
    evening.run("runs")
    evening.say(
        "The two runs that came to their end, side by side; in a terminal this opens as a screen with the curves:"
    )
    evening.run("compare plain sgd")
    evening.say("The run that was killed goes on from its last checkpoint:")
    evening.run("resume conv --headless")
    evening.run("runs")


def main() -> None:
    """Record the evening and write the page."""
    with tempfile.TemporaryDirectory() as directory:
        evening = Evening(Path(directory))
        record(evening)
        subprocess.run(
            [sys.executable, "-m", "tui_trainer", "queue", "stop", "--now"],
            cwd=directory,
            env=evening.environ,
            capture_output=True,
            check=False,
        )
    PAGE.write_text("\n".join(evening.lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
