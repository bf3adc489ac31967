"""Measure training runs that alternate: each has its own processes, which are stopped while another run is measured.

A turn lasts a second or two, so that other load on the machine affects all runs equally. A round is one turn of each.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from time import perf_counter, sleep

import psutil

from benchmarks.sandbox import Sandbox, wait_for
from benchmarks.terminal import Terminal

TURN = 1.5
"""Seconds of a turn."""
LEAD = 0.15
"""Seconds at the beginning of a turn that are ignored: caches are cold, and a viewer catches up."""


class TimedRun(ABC):
    """A training run that can be continued and stopped."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pace: list[float] = []
        """Steps per second, one value for each turn."""

    @property
    @abstractmethod
    def processes(self) -> Sequence[int]:
        """The processes of the run."""

    @abstractmethod
    def progress(self) -> list[tuple[int, float]]:
        """Return the (steps, seconds) reported since the last call."""

    @abstractmethod
    def close(self) -> None:
        """End the processes."""

    def go(self) -> None:
        """Continue the processes."""
        self._signal(signal.SIGCONT)

    def halt(self) -> None:
        """Stop the processes."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def ready(self, seconds: float = 120.0) -> bool:
        """Wait for the first steps and return whether they came."""
        return bool(wait_for(lambda: len(self.progress()) > 0, seconds))

    def turn(self, seconds: float = TURN) -> None:
        """Run for a while and record the pace."""
        self.progress()
        self.go()
        began = perf_counter()
        sleep(seconds)
        self.halt()
        self.pace.append(_pace(self.progress(), perf_counter() - began))


def _pace(reports: list[tuple[int, float]], turn: float) -> float:
    """Return the steps per second of a turn, 0 if too few were reported.

    The first reports may be from before the turn, so those older than the turn are left out.
    """
    if not reports:
        return 0.0
    last = reports[-1][1]
    inside = [(steps, at) for steps, at in reports if at > last - turn + LEAD]
    if len(inside) < 3 or inside[-1][1] - inside[0][1] < turn / 3:
        return 0.0
    return (inside[-1][0] - inside[0][0]) / (inside[-1][1] - inside[0][1])


class ReferenceLoop(TimedRun):
    """A loop of `benchmarks.reference_loops`, on a terminal if it has a display."""

    def __init__(
        self,
        sandbox: Sandbox,
        kind: str,
        preset: str,
        *,
        threads: int = 1,
        python: str = sys.executable,
        name: str = "",
    ) -> None:
        super().__init__(kind)
        self._path = sandbox.directory / f"{kind}-{preset}-{threads}.txt"
        self._path.touch()
        self._offset = 0
        command = [python, "-m", "benchmarks.reference_loops", kind, preset, str(self._path), str(threads)]
        environ = sandbox.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "KERAS_BACKEND": "torch"}
        self._terminal: Terminal | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log = sandbox.directory / f"{kind}-{preset}.log"
        if kind == "bare":
            with self._log.open("wb") as log:
                # A session of its own, like our hosts and screens: the scheduler divides a busy core by sessions.
                self._process = subprocess.Popen(
                    command,
                    cwd=sandbox.directory,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        else:
            self._terminal = Terminal(command, 140, 40, environ, str(sandbox.directory))

    @property
    def processes(self) -> Sequence[int]:
        process = self._process or (self._terminal.process if self._terminal is not None else None)
        return [process.pid] if process is not None else []

    def progress(self) -> list[tuple[int, float]]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            *lines, _ = file.read().split(b"\n")
        self._offset += sum(len(line) + 1 for line in lines)
        return [(int(line.split()[0]), float(line.split()[1])) for line in lines]

    def close(self) -> None:
        if self._terminal is not None:
            self._terminal.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class TrainerRun(TimedRun):
    """A run of `tui-trainer`: headless, with a viewer in another process, or in one process."""

    def __init__(
        self,
        sandbox: Sandbox,
        name: str,
        preset: str,
        overrides: Sequence[str] = (),
        *,
        threads: int = 1,
        options: Sequence[str] = ("--headless",),
        size: tuple[int, int] = (140, 40),
        environ: Mapping[str, str] = {},
    ) -> None:
        super().__init__(name)
        self.folder = sandbox.folder(name)
        self._offset = 0
        arguments = ["run", preset, "training.epochs=100000", "early_stopping.enabled=false"]
        arguments += [f"training.threads={threads}", *overrides, "--name", name, *options]
        variables = sandbox.environ | {"OMP_NUM_THREADS": str(threads)} | environ
        self.terminal: Terminal | None = None
        self._process: subprocess.Popen[str] | None = None
        if "--headless" in options:
            self._process = sandbox.start(
                *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
        else:
            command = [sys.executable, "-m", "tui_trainer", *arguments]
            self.terminal = Terminal(command, *size, variables, str(sandbox.directory))
        self._host: int | None = None

    @property
    def host(self) -> int | None:
        """The host, None before it holds the run."""
        if self._host is None:
            with contextlib.suppress(OSError, ValueError, KeyError):
                self._host = int(json.loads((self.folder / ".lock").read_text())["pid"])
        return self._host

    @property
    def processes(self) -> Sequence[int]:
        pids = [self.host] if self.host is not None else []
        if self._process is not None:
            pids.append(self._process.pid)
        if self.terminal is not None:
            pids.append(self.terminal.process.pid)
        return list(dict.fromkeys(pids))

    def progress(self) -> list[tuple[int, float]]:
        try:
            with (self.folder / "events.jsonl").open("rb") as file:
                file.seek(self._offset)
                *lines, _ = file.read().split(b"\n")
        except OSError:
            return []
        self._offset += sum(len(line) + 1 for line in lines)
        reports: list[tuple[int, float]] = []
        for text in lines:
            if b'"type":"Scalars"' not in text or b'"train_loss"' not in text:
                continue
            event = json.loads(text)
            reports += zip(event["steps"], event["seconds"], strict=True)
        return reports

    def close(self) -> None:
        host = self.host
        if self.terminal is not None:
            self.terminal.close()
        for process in {host, self._process.pid if self._process is not None else None} - {None}:
            with contextlib.suppress(psutil.Error):
                stopped = psutil.Process(process)
                stopped.resume()
                stopped.kill()
        if self._process is not None:
            self._process.wait()


def race(runs: Sequence[TimedRun], rounds: int, seconds: float = TURN) -> None:
    """Start all runs, then give each its turn in every round."""
    for run in runs:
        if not run.ready():
            raise RuntimeError(f"{run.name} did not begin to train")
        run.go()
        sleep(1.0)
        run.halt()
    for number in range(rounds):
        # Every second round is reversed, so that no run always follows the same one.
        for run in runs if number % 2 == 0 else reversed(runs):
            run.turn(seconds)
