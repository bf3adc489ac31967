"""Trainings that take turns: each runs in processes of its own, stopped while another one is measured.

A turn is a second or two long, so that whatever else the machine does meets all lanes alike; a round is one turn of
each.
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

from benchmarks.sandbox import Place, wait_for
from benchmarks.terminal import Terminal

TURN = 1.5
"""Seconds of a turn."""
LEAD = 0.15
"""Seconds at the beginning of a turn that do not count: caches are cold, and a viewer catches up."""


class Lane(ABC):
    """One training that can be let run and stopped."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pace: list[float] = []
        """Steps a second, one for each turn."""

    @property
    @abstractmethod
    def processes(self) -> Sequence[int]:
        """The processes that belong to it."""

    @abstractmethod
    def progress(self) -> list[tuple[int, float]]:
        """(steps, seconds) that have been reported since the last call."""

    @abstractmethod
    def close(self) -> None:
        """End it."""

    def go(self) -> None:
        """Let it run."""
        self._signal(signal.SIGCONT)

    def halt(self) -> None:
        """Stop it where it stands."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def ready(self, seconds: float = 120.0) -> bool:
        """Wait until it trains."""
        return bool(wait_for(lambda: len(self.progress()) > 0, seconds))

    def turn(self, seconds: float = TURN) -> None:
        """Run for a while, and note how fast."""
        self.progress()
        self.go()
        began = perf_counter()
        sleep(seconds)
        self.halt()
        self.pace.append(_pace(self.progress(), perf_counter() - began))


def _pace(found: list[tuple[int, float]], turn: float) -> float:
    """Steps a second of what was reported in a turn; 0 where that is too little to tell.

    What comes first may have been counted before the turn: a gap in time shows where that ends.
    """
    if not found:
        return 0.0
    last = found[-1][1]
    inside = [(steps, at) for steps, at in found if at > last - turn + LEAD]
    if len(inside) < 3 or inside[-1][1] - inside[0][1] < turn / 3:
        return 0.0
    return (inside[-1][0] - inside[0][0]) / (inside[-1][1] - inside[0][1])


class Loop(Lane):
    """A loop of `bench.loops`, with its display in a terminal of its own where it has one."""

    def __init__(
        self, place: Place, kind: str, preset: str, *, threads: int = 1, python: str = sys.executable, name: str = ""
    ) -> None:
        super().__init__(name or kind)
        self._path = place.directory / f"{kind}-{preset}-{threads}.txt"
        self._path.touch()
        self._offset = 0
        command = [python, "-m", "benchmarks.reference_loops", kind, preset, str(self._path), str(threads)]
        environ = place.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "KERAS_BACKEND": "torch"}
        self._terminal: Terminal | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log = place.directory / f"{kind}-{preset}.log"
        if kind == "bare":
            with self._log.open("wb") as log:
                # In a session of its own, as our hosts and screens are: the scheduler shares a busy core by sessions.
                self._process = subprocess.Popen(
                    command,
                    cwd=place.directory,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        else:
            self._terminal = Terminal(command, 140, 40, environ, str(place.directory))

    @property
    def processes(self) -> Sequence[int]:
        process = self._process or (self._terminal.process if self._terminal is not None else None)
        return [process.pid] if process is not None else []

    def progress(self) -> list[tuple[int, float]]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            *lines, rest = file.read().split(b"\n")
        self._offset += sum(len(line) + 1 for line in lines)
        del rest
        return [(int(line.split()[0]), float(line.split()[1])) for line in lines]

    def close(self) -> None:
        if self._terminal is not None:
            self._terminal.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Run(Lane):
    """One of our runs: headless, with a viewer in another process, or all in one."""

    def __init__(
        self,
        place: Place,
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
        self.folder = place.folder(name)
        self._offset = 0
        arguments = ["run", preset, "training.epochs=100000", "early_stopping.enabled=false"]
        arguments += [f"training.threads={threads}", *overrides, "--name", name, *options]
        variables = place.environ | {"OMP_NUM_THREADS": str(threads)} | environ
        self.terminal: Terminal | None = None
        self._process: subprocess.Popen[str] | None = None
        if "--headless" in options:
            self._process = place.start(
                *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
        else:
            command = [sys.executable, "-m", "tui_trainer", *arguments]
            self.terminal = Terminal(command, *size, variables, str(place.directory))
        self._host: int | None = None

    @property
    def host(self) -> int | None:
        """The process that trains."""
        if self._host is None:
            with contextlib.suppress(OSError, ValueError, KeyError):
                self._host = int(json.loads((self.folder / ".lock").read_text())["pid"])
        return self._host

    @property
    def processes(self) -> Sequence[int]:
        found = [self.host] if self.host is not None else []
        if self._process is not None:
            found.append(self._process.pid)
        if self.terminal is not None:
            found.append(self.terminal.process.pid)
        return list(dict.fromkeys(found))

    def progress(self) -> list[tuple[int, float]]:
        try:
            with (self.folder / "events.jsonl").open("rb") as file:
                file.seek(self._offset)
                *lines, rest = file.read().split(b"\n")
        except OSError:
            return []
        del rest
        self._offset += sum(len(line) + 1 for line in lines)
        found: list[tuple[int, float]] = []
        for text in lines:
            if b'"type":"Scalars"' not in text or b'"train_loss"' not in text:
                continue
            event = json.loads(text)
            found += zip(event["steps"], event["seconds"], strict=True)
        return found

    def close(self) -> None:
        host = self.host
        if self.terminal is not None:
            self.terminal.close()
        for process in {host, self._process.pid if self._process is not None else None} - {None}:
            with contextlib.suppress(psutil.Error):
                found = psutil.Process(process)
                found.resume()
                found.kill()
        if self._process is not None:
            self._process.wait()


def race(lanes: Sequence[Lane], rounds: int, seconds: float = TURN) -> None:
    """Let all of them start, then give each its turn, round after round."""
    for lane in lanes:
        if not lane.ready():
            raise RuntimeError(f"{lane.name} did not begin to train")
        lane.go()
        sleep(1.0)
        lane.halt()
    for number in range(rounds):
        # Every second round goes the other way: none always follows the same one.
        for lane in lanes if number % 2 == 0 else reversed(lanes):
            lane.turn(seconds)
