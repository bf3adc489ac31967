"""Opening the same long run in other viewers, each with the data in the format that it reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import psutil

from benchmarks import synthetic_journals
from benchmarks.figures import Effort
from benchmarks.sandbox import ROOT, Place
from benchmarks.statistics import Row, ratios, spread
from benchmarks.terminal import Terminal

PYTHON = os.environ.get("BENCH_VIEWERS", "")
"""The interpreter beside which they lie, and which has tensorboardX: `BENCH_VIEWERS=/path/to/venv/bin/python`."""
QUIET = 8.0
"""Seconds without a change after which a viewer is taken to have drawn everything."""
PATIENCE = 180.0
ALIKE = 0.98
"""Share of the cells that stand as they will in the end: a clock or a cursor may go on."""


def others(effort: Effort) -> list[Row]:
    """100,000 steps of five metrics; to write ten times as many in all these formats takes a quarter of an hour."""
    steps, metrics, rounds = 100_000, 5, effort.fewer(3)
    what = f"open {steps:,} steps x {metrics} metrics"
    bin_ = Path(PYTHON).parent
    if not PYTHON:
        return [Row(what, "LEET, terminalboard, ltui", skipped="BENCH_VIEWERS names no interpreter")]
    place = Place()
    try:
        synthetic_journals.write(place.folder("long"), steps, metrics)
        table = place.directory / "csv" / "version_0" / "metrics.csv"
        _write_csv(table, steps, metrics)
        for kind in ("tensorboard", "wandb"):
            command = [PYTHON, str(ROOT / "bench" / "foreign.py"), kind, str(table), str(place.directory / kind)]
            subprocess.run(command, check=True, capture_output=True, cwd=place.directory)
        commands = {
            "ours": [sys.executable, "-m", "tui_trainer", "open", "long"],
            "LEET": [str(bin_ / "wandb"), "leet", str(place.directory / "wandb" / "wandb")],
            "terminalboard": [str(bin_ / "terminalboard"), str(place.directory / "tensorboard")],
            "ltui": [str(bin_ / "ltui"), str(place.directory / "csv")],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        memory: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                for fold in place.folder("long").glob(".fold*"):
                    fold.unlink()
                took, used = _open(place, command)
                seconds[name].append(took)
                memory[name].append(used)
    finally:
        place.close()
    return [
        Row(
            f"{what}: until everything is drawn, {name}",
            "ours",
            ratios(seconds[name], seconds["ours"]),
            note=f"{spread(seconds[name])[1]:.1f} / {spread(seconds['ours'])[1]:.1f} s, "
            f"{spread(memory[name])[1]:.0f} / {spread(memory['ours'])[1]:.0f} MiB",
        )
        for name in commands
        if name != "ours"
    ]


def _write_csv(path: Path, steps: int, metrics: int) -> None:
    """As Lightning's CSVLogger writes them."""
    path.parent.mkdir(parents=True)
    names = synthetic_journals.METRICS[:metrics]
    with path.open("w") as file:
        file.write(",".join(("epoch", "step", *names)) + "\n")
        for first in range(1, steps + 1, synthetic_journals.EACH):
            event = synthetic_journals.scalars(first, min(first + synthetic_journals.EACH - 1, steps), metrics, steps)
            for place, step in enumerate(event.steps):
                values = ",".join(repr(event.values[name][place]) for name in names)
                file.write(f"{step // 1000},{step},{values}\n")


def _open(place: Place, command: list[str]) -> tuple[float, float]:
    """Seconds until the screen was what it stayed, and the MiB that were in use then."""
    began = monotonic()
    terminal = Terminal(command, 140, 40, place.environ, str(place.directory), interpret=True)
    seen: list[tuple[float, str]] = []
    try:
        while monotonic() - began < PATIENCE:
            sleep(0.1)
            text = terminal.text
            if not seen or text != seen[-1][1]:
                seen.append((monotonic() - began, text))
            standing = _since(seen)
            if text.strip() and monotonic() - began - standing > QUIET:
                return standing, _memory(terminal.process.pid)
    finally:
        terminal.close()
    return float("nan"), float("nan")


def _since(seen: list[tuple[float, str]]) -> float:
    """Since when the screen has looked as it does."""
    last = seen[-1][1]
    since = seen[-1][0]
    for at, text in reversed(seen):
        if sum(a == b for a, b in zip(text, last, strict=False)) < ALIKE * len(last):
            break
        since = at
    return since


def _memory(process: int) -> float:
    found = psutil.Process(process)
    return sum(one.memory_info().rss for one in [found, *found.children(recursive=True)]) / 2**20
