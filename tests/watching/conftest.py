"""Scripts that import nothing of ours, watched in a process of its own, and what became of them on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 240.0
PROGRAM = (sys.executable, "-m", "tui_trainer")


class Watched:
    """A script under `tui-trainer watch --headless`."""

    def __init__(
        self,
        runs: Path,
        command: list[str],
        options: list[str],
        environment: dict[str, str],
        program: tuple[str, ...] = PROGRAM,
    ) -> None:
        self.runs = runs
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
        self.process = subprocess.Popen(
            [*program, "watch", "--headless", "--runs-dir", str(runs), *options, "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**kept, "PYTHONPATH": str(ROOT), **environment},
            start_new_session=True,
        )  # fmt: skip

    def end(self) -> tuple[int, str]:
        """Wait for the end. Returns exit code and output."""
        output, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, output

    @property
    def path(self) -> Path:
        """The folder of the run."""
        return next(path for path in self.runs.iterdir() if path.is_dir())

    def events(self, *types: str) -> list[dict[str, Any]]:
        """Return the journal of the run so far, or its events of some types."""
        try:
            text = (self.path / "events.jsonl").read_text()
        except (OSError, StopIteration):
            return []
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [event for event in lines if not types or event["type"] in types]

    def series(self, name: str) -> dict[int, float | None]:
        """Return what the journal has of a series, by step."""
        found: dict[int, float | None] = {}
        for event in self.events("Scalars"):
            found |= dict(zip(event["steps"], event["values"].get(name, []), strict=False))
        return found

    def printed(self) -> list[str]:
        """Return the lines of the script in the journal."""
        return [line for event in self.events("Logged") if event["source"] == "output" for line in event["lines"]]

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait for a condition. Returns what it returned."""
        deadline = time.monotonic() + SECONDS
        while not (value := condition()):
            assert time.monotonic() < deadline, self.events()[-3:]
            assert self.process.poll() is None, self.process.stdout and self.process.stdout.read()
            time.sleep(0.02)
        return value

    def send(self, *words: str) -> dict[str, Any]:
        """Send a command. Returns the event that it caused."""
        done = subprocess.run(
            [sys.executable, "-m", "tui_trainer", "send", "last", *words, "--json", "--runs-dir", str(self.runs)],
            capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
        assert done.stdout, done.stderr
        event: dict[str, Any] = json.loads(done.stdout)
        return event


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Start a script under `watch`; those that are left are killed at the end."""
    started: list[Watched] = []

    def start(
        *command: str, options: list[str] | None = None, program: tuple[str, ...] = PROGRAM, **environment: str
    ) -> Watched:
        started.append(Watched(tmp_path / "runs", list(command), options or [], environment, program))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        if each.process.stdout is not None:
            each.process.stdout.close()


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Write a script to a file."""

    def write(text: str, name: str = "train.py") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write
