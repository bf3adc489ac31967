"""From a key to what it does: on the screen of a training that runs, and over a slow line."""

from __future__ import annotations

import json
import sys
from statistics import median
from time import monotonic, sleep

from benchmarks.figures import Effort
from benchmarks.sandbox import Place, wait_for
from benchmarks.statistics import Row
from benchmarks.terminal import Terminal

RUN = (sys.executable, "-m", "tui_trainer", "run", "digits-mlp", "training.epochs=100000")
SLOW_LINE = 20_000


def key_to_screen(effort: Effort) -> list[Row]:
    """The rate doubled and halved while digits-mlp trains: until the bottom line says that the trainer did it."""
    place = Place()
    command = [*RUN, "early_stopping.enabled=false", "scheduler.kind=constant", "--name", "keys"]
    terminal = Terminal(command, 140, 40, place.environ, str(place.directory), interpret=True)
    times: list[float] = []
    lost = 0
    try:
        if terminal.wait(lambda text: "steps/s" in text or "running" in text, 60) < 0:
            raise RuntimeError(f"the run did not start: {terminal.text}")
        sleep(3.0)
        for number in range(40 if effort.quick else 200):
            key, rate = ("+", "0.0006") if number % 2 == 0 else ("-", "0.0003")
            pressed = monotonic()
            terminal.press(key)
            seen = terminal.wait(lambda text, rate=rate: _confirmed(text, rate), 5.0)
            if seen < 0:
                lost += 1
            else:
                times.append((seen - pressed) * 1000)
            sleep(0.05 + 0.03 * (number % 5))
    finally:
        terminal.close()
        place.close()
    note = f"{len(times)} keys, digits-mlp training at full speed" + (f"; {lost} not seen within 5 s" if lost else "")
    return [
        Row("key to confirmed on screen, median", "", times, "ms", 60, "<=", note),
        Row("key to confirmed on screen, worst", "", times, "ms", 250, "<=", note, worst=True),
    ]


def _confirmed(text: str, rate: str) -> bool:
    """Whether the bottom line tells the new rate: it is drawn from the event with which the trainer answers."""
    return f"{rate}, was" in text.rstrip().rsplit("\n", 1)[-1]


def slow_line(effort: Effort) -> list[Row]:
    """A line of 20 kB/s: until the event of the key is in the journal."""
    place = Place()
    command = [*RUN, "early_stopping.enabled=false", "--name", "slow"]
    terminal = Terminal(command, 140, 40, place.environ, str(place.directory), bytes_per_second=SLOW_LINE)
    journal = place.folder("slow") / "events.jsonl"
    times: list[float] = []
    try:
        if not wait_for(lambda: journal.exists() and b"EpochEnded" in journal.read_bytes(), 60):
            raise RuntimeError("the run did not start")
        sleep(3.0)
        offset = journal.stat().st_size
        for number in range(effort.rounds + 3):
            pressed = monotonic()
            terminal.press(" ")
            wanted = "paused" if number % 2 == 0 else "running"
            found = wait_for(lambda wanted=wanted, offset=offset: _status(journal, offset, wanted), 30)
            if found:
                times.append(monotonic() - pressed)
                offset = found
            sleep(1.0)
    finally:
        terminal.close()
        place.close()
    against = "stock Textual: 12.8 s (measured before)"
    note = f"space until the trainer paused or went on; middle of {len(times)}: {median(times):.2f} s" if times else ""
    return [Row("20 kB/s line: key to effect, worst", against, times, "s", 2.0, "<=", note, worst=True)]


def _status(journal: object, offset: int, wanted: str) -> int:
    """Where the journal stands once the status has changed after `offset`; 0 before."""
    from pathlib import Path

    with Path(str(journal)).open("rb") as file:
        file.seek(offset)
        data = file.read()
    for line in data.split(b"\n"):
        if b'"StatusChanged"' in line and line.endswith(b"}") and json.loads(line)["status"] == wanted:
            return offset + len(data)
    return 0
