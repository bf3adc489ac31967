"""Opening long runs: until everything is drawn, and what another look at a part of it costs."""

from __future__ import annotations

import sys
from time import monotonic, sleep

from bench import made
from bench.figures import Effort
from bench.place import Place
from bench.rounds import Row
from bench.terminal import Terminal


def million(effort: Effort) -> list[Row]:
    """1,000,000 steps and six metrics."""
    steps = 200_000 if effort.quick else 1_000_000
    place = Place()
    try:
        made.write(place.folder("long"), steps, 6)
        size = (place.folder("long") / "events.jsonl").stat().st_size / 2**20
        pictures, memory, zooms = _open(place, steps, effort.fewer(5), zoom=True)
    finally:
        place.close()
    what = f"{steps:,} steps x 6 metrics"
    return [
        Row(f"open {what}: everything drawn", "", pictures, "s", 2.0, "<=", f"journal of {size:.0f} MiB"),
        Row(f"zoom anywhere in {what}, worst", "", zooms, "ms", 100, "<=", "key to the last byte drawn", worst=True),
        Row(f"viewer's memory with {what}", "", memory, "MiB", 150, "<="),
    ]


def hundred_thousand(effort: Effort) -> list[Row]:
    """100,000 steps and five metrics, as other viewers were measured before, on a machine of this kind."""
    place = Place()
    try:
        made.write(place.folder("long"), 100_000, 5)
        pictures, memory, _ = _open(place, 100_000, effort.rounds, zoom=False)
    finally:
        place.close()
    before = "LEET 122, terminalboard 147, ltui 167 MiB (measured before)"
    against = "LEET 10-16 s, terminalboard 6-9 s, ltui 7-9 s (measured before)"
    return [
        Row("open 100,000 steps x 5 metrics: everything drawn", against, pictures, "s", 1.5, "<="),
        Row("viewer's memory with it", before, memory, "MiB", 110, "<="),
    ]


def _open(place: Place, steps: int, rounds: int, *, zoom: bool) -> tuple[list[float], list[float], list[float]]:
    pictures: list[float] = []
    memory: list[float] = []
    zooms: list[float] = []
    for number in range(rounds):
        began = monotonic()
        command = [sys.executable, "-m", "tui_trainer", "open", "long"]
        terminal = Terminal(command, 140, 40, place.environ, str(place.directory), interpret=True)
        try:
            seen = terminal.wait(lambda text: f"{steps:,}" in text and "completed" in text.lower(), 60)
            if seen < 0:
                raise RuntimeError(f"not everything was drawn:\n{terminal.text}")
            pictures.append(terminal.settled(0.4) - began)
            memory.append(terminal.memory())
            if zoom and number == 0:
                zooms = _zoom(terminal)
        finally:
            terminal.close()
    return pictures, memory, zooms


def _zoom(terminal: Terminal) -> list[float]:
    """In, along and out again: from each key to the last byte that it caused."""
    found: list[float] = []
    up, down, earlier, later = "\x1b[A", "\x1b[B", "\x1b[1;2D", "\x1b[1;2C"
    for key in (
        up,
        up,
        up,
        up,
        earlier,
        earlier,
        later,
        up,
        up,
        up,
        earlier,
        down,
        down,
        down,
        down,
        "z",
        earlier,
        "z",
    ):
        pressed = monotonic()
        terminal.press(key)
        last = terminal.settled(0.3, after=pressed)
        if last > pressed:
            found.append((last - pressed) * 1000)
        sleep(0.1)
    return found
