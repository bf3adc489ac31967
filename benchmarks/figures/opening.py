"""Seconds to open long runs, and milliseconds to zoom in them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from itertools import pairwise
from time import monotonic, sleep

from benchmarks import synthetic_journals
from benchmarks.figures import Effort
from benchmarks.sandbox import Sandbox
from benchmarks.statistics import Row
from benchmarks.terminal import Terminal
from tui_trainer.runs.loading.state_cache import cache_path

APART = 0.04
"""Seconds without output that separate two frames."""


def million(effort: Effort) -> list[Row]:
    """Measure a run of 1,000,000 steps and six metrics."""
    steps = 200_000 if effort.quick else 1_000_000
    sandbox = Sandbox()
    try:
        synthetic_journals.write(sandbox.folder("long"), steps, 6)
        size = (sandbox.folder("long") / "events.jsonl").stat().st_size / 2**20
        first = _open(sandbox, steps, effort.fewer(5), zoom=True)
        again = _open(sandbox, steps, effort.fewer(5), zoom=False, clear_cache=False)
    finally:
        sandbox.close()
    what = f"{steps:,} steps x 6 metrics"
    note = f"journal of {size:.0f} MiB, no state cache"
    return [
        Row(
            f"open {what}: first full picture",
            "",
            first.pictures,
            "s",
            2.0,
            "<=",
            f"{note}; the header says coarse",
        ),
        Row(f"open {what}: all lines read and drawn", "", first.exact, "s", 2.0, "<=", note),
        Row(f"open {what} again", "", again.exact, "s", 2.0, "<=", "with the state cache of the first opening"),
        Row(
            f"zoom anywhere in {what}, worst",
            "",
            first.zooms,
            "ms",
            100,
            "<=",
            "key to the next frame",
            worst=True,
        ),
        Row(f"zoom anywhere in {what}: exact values", "", first.sharp, "ms", note="key to the last byte drawn"),
        Row(f"memory of the viewer with {what}", "", first.memory, "MiB", 150, "<="),
    ]


def hundred_thousand(effort: Effort) -> list[Row]:
    """Measure a run of 100,000 steps and five metrics, like the other viewers in the table."""
    sandbox = Sandbox()
    try:
        synthetic_journals.write(sandbox.folder("long"), 100_000, 5)
        measured = _open(sandbox, 100_000, effort.rounds, zoom=False)
    finally:
        sandbox.close()
    before = "LEET 122, terminalboard 147, ltui 167 MiB (measured before)"
    against = "LEET 10-16 s, terminalboard 6-9 s, ltui 7-9 s (measured before)"
    return [
        Row("open 100,000 steps x 5 metrics: everything drawn", against, measured.exact, "s", 1.5, "<="),
        Row("memory of the viewer with it", before, measured.memory, "MiB", 110, "<="),
    ]


@dataclass(slots=True)
class _Measurements:
    """The measurements of several openings: seconds, MiB, milliseconds."""

    pictures: list[float] = field(default_factory=list[float])
    exact: list[float] = field(default_factory=list[float])
    memory: list[float] = field(default_factory=list[float])
    zooms: list[float] = field(default_factory=list[float])
    sharp: list[float] = field(default_factory=list[float])


def _open(sandbox: Sandbox, steps: int, rounds: int, *, zoom: bool, clear_cache: bool = True) -> _Measurements:
    measured = _Measurements()
    for number in range(rounds):
        if clear_cache:
            cache_path(sandbox.folder("long") / "events.jsonl").unlink(missing_ok=True)
        began = monotonic()
        command = [sys.executable, "-m", "tui_trainer", "open", "long"]
        terminal = Terminal(command, 140, 40, sandbox.environ, str(sandbox.directory), interpret=True)
        try:
            seen = terminal.wait(lambda text: f"{steps:,}" in text and "completed" in text.lower(), 60)
            whole = terminal.wait(lambda text: f"{steps:,}" in text and "coarse" not in text, 60)
            if seen < 0 or whole < 0:
                raise RuntimeError(f"not everything was drawn:\n{terminal.text}")
            measured.pictures.append(terminal.settled(0.1) - began if whole == seen else seen - began)
            measured.exact.append(terminal.settled(0.4) - began)
            measured.memory.append(terminal.memory())
            if zoom and number == 0:
                measured.zooms, measured.sharp = _zoom(terminal)
        finally:
            terminal.close()
    return measured


def _zoom(terminal: Terminal) -> tuple[list[float], list[float]]:
    """Zoom in, pan and zoom out; return milliseconds to the end of the next frame and to the last byte of each key.

    A second frame with exact values follows if the downsampled series is coarser than the columns of the chart.
    """
    frames: list[float] = []
    sharp: list[float] = []
    up, down, earlier, later = "\x1b[A", "\x1b[B", "\x1b[1;2D", "\x1b[1;2C"
    keys = [up, up, up, up, earlier, earlier, later, up, up, up, earlier, down, down, down, down, "z", earlier, "z"]
    for key in keys:
        pressed = monotonic()
        terminal.press(key)
        last = terminal.settled(0.4, after=pressed)
        if last > pressed:
            burst = [at for at, _ in list(terminal.sent) if at > pressed]
            end = next((one for one, other in pairwise(burst) if other - one > APART), burst[-1])
            frames.append((end - pressed) * 1000)
            sharp.append((last - pressed) * 1000)
        sleep(0.1)
    return frames, sharp
