"""Time from a key press to its effect, on a busy screen and over a slow line."""

from __future__ import annotations

import json
import sys
from statistics import median
from time import monotonic, sleep

from benchmarks.figures import Effort
from benchmarks.sandbox import Sandbox, wait_for
from benchmarks.statistics import Row
from benchmarks.terminal import Terminal

RUN = (sys.executable, "-m", "tui_trainer", "run", "digits-mlp", "training.epochs=100000")
SLOW_LINE = 20_000


def key_to_screen(effort: Effort) -> list[Row]:
    """Double and halve the learning rate of digits-mlp; measure until the status line confirms it."""
    sandbox = Sandbox()
    command = [*RUN, "early_stopping.enabled=false", "scheduler.kind=constant", "--name", "keys"]
    terminal = Terminal(command, 140, 40, sandbox.environ, str(sandbox.directory), interpret=True)
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
        sandbox.close()
    note = f"{len(times)} keys, digits-mlp training at full speed" + (f"; {lost} not seen within 5 s" if lost else "")
    return [
        Row("key to confirmed on screen, median", "", times, "ms", 60, "<=", note),
        Row("key to confirmed on screen, worst", "", times, "ms", 250, "<=", note, worst=True),
    ]


def _confirmed(text: str, rate: str) -> bool:
    """Return whether the line above the keys shows the new learning rate, which comes with the trainer's event."""
    return any(f"{rate}, was" in line for line in text.rstrip().split("\n")[-2:])


def slow_line(effort: Effort) -> list[Row]:
    """Measure on a line of 20 kB/s until the event of the key is in the journal."""
    sandbox = Sandbox()
    command = [*RUN, "early_stopping.enabled=false", "--name", "slow"]
    terminal = Terminal(command, 140, 40, sandbox.environ, str(sandbox.directory), bytes_per_second=SLOW_LINE)
    journal = sandbox.folder("slow") / "events.jsonl"
    times: list[float] = []
    try:
        if not wait_for(lambda: journal.exists() and b"EpochEnded" in journal.read_bytes(), 60):
            raise RuntimeError("the run did not start")
        sleep(3.0)
        offset = journal.stat().st_size
        for number in range(effort.rounds + 3):
            pressed = monotonic()
            terminal.press(" ")
            status = "paused" if number % 2 == 0 else "running"
            changed_at = wait_for(lambda status=status, offset=offset: _status(journal, offset, status), 30)
            if changed_at:
                times.append(monotonic() - pressed)
                offset = changed_at
            sleep(1.0)
    finally:
        terminal.close()
        sandbox.close()
    against = "stock Textual: 12.8 s (measured before)"
    note = f"space until the trainer paused or resumed; median of {len(times)}: {median(times):.2f} s" if times else ""
    return [Row("20 kB/s line: key to effect, worst", against, times, "s", 2.0, "<=", note, worst=True)]


def _status(journal: object, offset: int, status: str) -> int:
    """Return the offset behind the status change that comes after `offset`, 0 if there is none so far."""
    from pathlib import Path

    with Path(str(journal)).open("rb") as file:
        file.seek(offset)
        data = file.read()
    for line in data.split(b"\n"):
        if b'"StatusChanged"' in line and line.endswith(b"}") and json.loads(line)["status"] == status:
            return offset + len(data)
    return 0
