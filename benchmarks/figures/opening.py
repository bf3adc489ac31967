"""Opening long runs: until everything is drawn, and what another look at a part of it costs."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from itertools import pairwise
from time import monotonic, sleep

from benchmarks import synthetic_journals
from benchmarks.figures import Effort
from benchmarks.sandbox import Place
from benchmarks.statistics import Row
from benchmarks.terminal import Terminal
from tui_trainer.runs.loading.state_cache import cache_path

APART = 0.04
"""Seconds without a byte after which what comes is another frame."""


def million(effort: Effort) -> list[Row]:
    """1,000,000 steps and six metrics."""
    steps = 200_000 if effort.quick else 1_000_000
    place = Place()
    try:
        synthetic_journals.write(place.folder("long"), steps, 6)
        size = (place.folder("long") / "events.jsonl").stat().st_size / 2**20
        first = _open(place, steps, effort.fewer(5), zoom=True)
        again = _open(place, steps, effort.fewer(5), zoom=False, anew=False)
    finally:
        place.close()
    what = f"{steps:,} steps x 6 metrics"
    note = f"journal of {size:.0f} MiB, no fold"
    return [
        Row(
            f"open {what}: first full picture",
            "",
            first.pictures,
            "s",
            2.0,
            "<=",
            f"{note}; the line on top says coarse",
        ),
        Row(f"open {what}: every line read and drawn", "", first.exact, "s", 2.0, "<=", note),
        Row(f"open {what} once more", "", again.exact, "s", 2.0, "<=", "from the fold that the first opening left"),
        Row(
            f"zoom anywhere in {what}, worst",
            "",
            first.zooms,
            "ms",
            100,
            "<=",
            "key to the frame it caused",
            worst=True,
        ),
        Row(f"zoom anywhere in {what}: exact values", "", first.sharp, "ms", note="key to the last byte drawn"),
        Row(f"viewer's memory with {what}", "", first.memory, "MiB", 150, "<="),
    ]


def hundred_thousand(effort: Effort) -> list[Row]:
    """100,000 steps and five metrics, as other viewers were measured before, on a machine of this kind."""
    place = Place()
    try:
        synthetic_journals.write(place.folder("long"), 100_000, 5)
        found = _open(place, 100_000, effort.rounds, zoom=False)
    finally:
        place.close()
    before = "LEET 122, terminalboard 147, ltui 167 MiB (measured before)"
    against = "LEET 10-16 s, terminalboard 6-9 s, ltui 7-9 s (measured before)"
    return [
        Row("open 100,000 steps x 5 metrics: everything drawn", against, found.exact, "s", 1.5, "<="),
        Row("viewer's memory with it", before, found.memory, "MiB", 110, "<="),
    ]


@dataclass(slots=True)
class _Found:
    """What was measured of a number of openings: seconds, MiB, milliseconds."""

    pictures: list[float] = field(default_factory=list[float])
    exact: list[float] = field(default_factory=list[float])
    memory: list[float] = field(default_factory=list[float])
    zooms: list[float] = field(default_factory=list[float])
    sharp: list[float] = field(default_factory=list[float])


def _open(place: Place, steps: int, rounds: int, *, zoom: bool, anew: bool = True) -> _Found:
    found = _Found()
    for number in range(rounds):
        if anew:
            cache_path(place.folder("long") / "events.jsonl").unlink(missing_ok=True)
        began = monotonic()
        command = [sys.executable, "-m", "tui_trainer", "open", "long"]
        terminal = Terminal(command, 140, 40, place.environ, str(place.directory), interpret=True)
        try:
            seen = terminal.wait(lambda text: f"{steps:,}" in text and "completed" in text.lower(), 60)
            whole = terminal.wait(lambda text: f"{steps:,}" in text and "coarse" not in text, 60)
            if seen < 0 or whole < 0:
                raise RuntimeError(f"not everything was drawn:\n{terminal.text}")
            found.pictures.append(terminal.settled(0.1) - began if whole == seen else seen - began)
            found.exact.append(terminal.settled(0.4) - began)
            found.memory.append(terminal.memory())
            if zoom and number == 0:
                found.zooms, found.sharp = _zoom(terminal)
        finally:
            terminal.close()
    return found


def _zoom(terminal: Terminal) -> tuple[list[float], list[float]]:
    """In, along and out again: from each key to the last byte of its frame, and to the last that it caused at all.

    The frame is what comes at once. Where what was kept is coarser than the columns of the charts, another one with
    exact values follows it.
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
