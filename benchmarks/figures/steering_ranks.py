"""Runs of several processes: the cost of steering them, and the time until all of them have obeyed or are gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from benchmarks.figures import Effort
from benchmarks.sandbox import Sandbox, wait_for
from benchmarks.statistics import Row, spread
from benchmarks.terminal import Terminal

PACE = 300
"""Steps a second of which the cost is a share."""
TURNS = 4
"""Turns of each loop in a round."""
KEYS = 7
"""Keys that are pressed in a round."""


def two(effort: Effort) -> list[Row]:
    """Measure two processes: the cost of a step, and the times of commands, of a stop, and of a rank that is killed."""
    return [*cost(effort, 2), *times(effort, 2)]


def four(effort: Effort) -> list[Row]:
    """Measure the same of four processes."""
    return [*cost(effort, 4), *times(effort, 4)]


def cost(effort: Effort, size: int) -> list[Row]:
    """Measure a DDP loop in turns with and without beats, numbers of ranks and recording."""
    turns = str(TURNS if effort.quick else effort.rounds * TURNS)
    with tempfile.TemporaryDirectory(prefix="tt-ranks-") as folder:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.rank_loop", str(rank), str(size), folder, turns],
                stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
                env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
                text=True,
            )
            for rank in range(size)
        ]
        try:
            out, _ = processes[0].communicate(timeout=600)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    by_loop = {name: [line for line in lines if line["loop"] == name] for name in ("with", "without")}
    rows: list[Row] = []
    for key, where in (("seconds", ""), ("cpu", ", CPU of all ranks")):
        shares = size if key == "cpu" else 1
        extra = [
            (with_it[key] - without[key]) / with_it["steps"] / shares
            for with_it, without in zip(by_loop["with"], by_loop["without"], strict=True)
        ]
        usual = spread([line[key] / line["steps"] / shares for line in by_loop["without"]])[1]
        rows.append(
            Row(
                f"{size} processes{where}: more for a step",
                f"the same DDP loop without us, of a step at {PACE} steps/s",
                [value * PACE * 100 for value in extra],
                "%",
                1.0,
                "<=",
                f"a step takes {usual * 1e6:,.0f} µs without us and {spread(extra)[1] * 1e6:+,.1f} µs more with us",
            )
        )
    return rows


def times(effort: Effort, size: int) -> list[Row]:
    """Measure with a screen: a key until all ranks have obeyed, a stop until all are gone, a kill until it is told."""
    obeyed: list[float] = []
    told: list[float] = []
    stopped: dict[str, list[float]] = {"training": [], "validation": []}
    for _ in range(1 if effort.quick else effort.fewer(3)):
        sandbox = Sandbox()
        (sandbox.directory / "long.toml").write_text(LONG)
        try:
            obeyed += _keys_and_kill(sandbox, size, told, 3 if effort.quick else KEYS)
            stopped["training"].append(_stop(sandbox, size, "digits-mlp", b'"EpochEnded"'))
            stopped["validation"].append(_stop(sandbox, size, "long.toml", b'"Scalars"'))
        finally:
            sandbox.close()
    name = f"{size} processes"
    return [
        Row(f"{name}: key until all ranks obeyed, on the screen", "", obeyed, "s", 0.5, "<="),
        *(Row(f"{name}: stop in {where} until all are gone", "", stopped[where], "s", 3.0, "<=") for where in stopped),
        Row(f"{name}: kill -9 of a rank until the screen tells it", "", told, "s", 5.0, "<="),
    ]


def _options(preset: str, size: int, name: str) -> list[str]:
    return [
        "run", preset, "--processes", str(size), "training.epochs=100000", "early_stopping.enabled=false",
        "scheduler.kind=constant", "--name", name,
    ]  # fmt: skip


def _wait_for_event(sandbox: Sandbox, run: str, kind: bytes) -> None:
    journal = sandbox.folder(run) / "events.jsonl"
    if not wait_for(lambda: journal.exists() and kind in journal.read_bytes(), 300):
        raise RuntimeError(f"{run} did not start")


def _keys_and_kill(sandbox: Sandbox, size: int, told: list[float], keys: int) -> list[float]:
    """Double and halve the rate behind a screen, then kill the last rank. Returns the seconds until all obeyed."""
    command = [sys.executable, "-m", "tui_trainer", *_options("digits-mlp", size, "killed")]
    terminal = Terminal(command, 140, 40, sandbox.environ, str(sandbox.directory), interpret=True)
    obeyed: list[float] = []
    try:
        _wait_for_event(sandbox, "killed", b'"EpochEnded"')
        if terminal.wait(lambda text: "ranks" in text, 300) < 0:
            raise RuntimeError(f"no screen: {terminal.text}")
        for number in range(keys):
            key, rate = ("+", "0.0006") if number % 2 == 0 else ("-", "0.0003")
            pressed = monotonic()
            terminal.press(key)
            seen = terminal.wait(lambda text, rate=rate: f"{rate}, was" in "".join(text.split("\n")[-2:]), 10)
            obeyed.append(seen - pressed if seen >= 0 else 10.0)
        victim = _rank_of(sandbox.pid("killed"), size - 1)
        began = monotonic()
        os.kill(victim, signal.SIGKILL)
        seen = terminal.wait(lambda text: "SIGKILL" in text, 30)
        told.append(seen - began if seen >= 0 else 30.0)
    finally:
        terminal.close()
    return obeyed


def _stop(sandbox: Sandbox, size: int, preset: str, begun: bytes) -> float:
    """Stop a run from another process, and wait for the end of all of its processes."""
    name = preset.partition(".")[0]
    sandbox.start(*_options(preset, size, name), "--detach").communicate(timeout=300)
    _wait_for_event(sandbox, name, begun)
    host = psutil.Process(sandbox.pid(name))
    family = [host, *(host.parent() or host).children(recursive=True)]
    began = monotonic()  # the start of the client counts, too
    stopping = sandbox.start("send", name, "stop", "when=now")
    if not wait_for(lambda: not any(_lives(process) for process in family), 60):
        raise RuntimeError(f"{name} did not end")
    seconds = monotonic() - began
    stopping.communicate()
    return seconds


LONG = """
[data]
kind = "moons"
samples = 400000
validation = 0.9
batch_size = 4000
[model]
kind = "mlp"
hidden = [512, 512, 512]
[training]
epochs = 1000
device = "cpu"
"""


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _rank_of(host: int, rank: int) -> int:
    """Return the process of a rank beside that of rank 0."""
    launcher = psutil.Process(host).parent()
    assert launcher is not None
    for process in launcher.children(recursive=True):
        if process.environ().get("RANK") == str(rank) and Path(process.exe()).name.startswith("python"):
            return process.pid
    raise RuntimeError(f"no rank {rank}")
