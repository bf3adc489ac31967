"""Logs of other programs: seconds to open them, memory, and the cost of following one that grows."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import psutil

from benchmarks import synthetic_logs
from benchmarks.figures import Effort
from benchmarks.figures.quiet import watch
from benchmarks.figures.viewers import has_chart, memory_of
from benchmarks.sandbox import Sandbox
from benchmarks.statistics import Row, ratios, spread
from benchmarks.terminal import Terminal

TENSORBOARD = os.environ.get("BENCH_TENSORBOARD", "")
"""The interpreter of an environment with tensorboard: `BENCH_TENSORBOARD=/path/to/venv/bin/python`."""
ACCUMULATE = """
import sys, time
began, used = time.monotonic(), time.process_time()
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
loaded = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
loaded.Reload()
count = sum(len(loaded.Scalars(tag)) for tag in loaded.Tags()["scalars"])
print(time.monotonic() - began, time.process_time() - used, count)
"""
PATIENCE = 180.0


@dataclass(slots=True)
class _Opened:
    """The measurements of several openings: seconds of the clock, seconds of CPU, MiB."""

    first: list[float] = field(default_factory=list[float])
    whole: list[float] = field(default_factory=list[float])
    first_cpu: list[float] = field(default_factory=list[float])
    whole_cpu: list[float] = field(default_factory=list[float])
    memory: list[float] = field(default_factory=list[float])


def million(effort: Effort) -> list[Row]:
    """Measure an event file and a table of 1,000,000 steps and six series, beside TensorBoard's own loader."""
    steps = 100_000 if effort.quick else 1_000_000
    rounds = effort.fewer(3)
    sandbox = Sandbox()
    try:
        events, table = sandbox.directory / "tb" / "events.out.tfevents.1", sandbox.directory / "results.csv"
        synthetic_logs.write_events(events, steps)
        synthetic_logs.write_csv(table, steps)
        of_events, of_table = _Opened(), _Opened()
        theirs: list[tuple[float, float]] = []
        for _ in range(rounds):
            _open(sandbox, events, steps, of_events)
            if TENSORBOARD and not theirs:  # it takes minutes
                theirs.append(_accumulate(events, steps))
            _open(sandbox, table, steps, of_table)
        sizes = [path.stat().st_size / 2**20 for path in (events, table)]
    finally:
        sandbox.close()
    what = f"{steps:,} steps x 6"
    rows = _rows(f"TensorBoard file of {what}", of_events, 2.0, 6.0, f"{sizes[0]:.0f} MiB")
    if theirs:
        slower = ratios([seconds for seconds, _ in theirs], of_events.whole[:1])
        cpu = f"{spread([used for _, used in theirs])[1]:.1f} s of CPU"
        rows.append(Row(f"TensorBoard file of {what}: EventAccumulator.Reload", "ours", slower, "", 10, ">=", cpu))
    else:
        rows.append(Row(f"TensorBoard file of {what}: EventAccumulator", skipped="BENCH_TENSORBOARD is not set"))
    return rows + _rows(f"CSV of {what}", of_table, 1.5, 4.0, f"{sizes[1]:.0f} MiB")


def _rows(what: str, opened: _Opened, first: float, whole: float, size: str) -> list[Row]:
    cpu = [f"{size}; {spread(used)[1]:.1f} s of CPU" for used in (opened.first_cpu, opened.whole_cpu)]
    return [
        Row(f"{what}: first full picture", "", opened.first, "s", first, "<=", cpu[0]),
        Row(f"{what}: all read and drawn", "", opened.whole, "s", whole, "<=", cpu[1]),
        Row(f"{what}: memory", "", opened.memory, "MiB", 150, "<="),
    ]


def _open(sandbox: Sandbox, path: Path, steps: int, into: _Opened) -> None:
    began = monotonic()
    command = [sys.executable, "-m", "tui_trainer", "open", str(path)]
    terminal = Terminal(command, 140, 40, sandbox.environ, str(sandbox.directory), interpret=True)
    try:
        seen = terminal.wait(has_chart, PATIENCE)
        into.first_cpu.append(_used(terminal))
        whole = _whole(terminal, steps)
        if seen < 0 or whole < 0:
            raise RuntimeError(f"not everything was drawn:\n{terminal.text}")
        into.first.append(seen - began)
        into.whole.append(whole - began)
        into.whole_cpu.append(_used(terminal))
        into.memory.append(memory_of(terminal.process.pid))
    finally:
        terminal.close()


def _whole(terminal: Terminal, steps: int) -> float:
    """Return the time at which all was drawn; a frame that is half written, without its header, does not count."""

    def is_whole(text: str) -> bool:
        return has_chart(text) and f"{steps:,}" in text and "coarse" not in text

    while True:
        at = terminal.wait(is_whole, PATIENCE)
        sleep(0.3)
        if at < 0 or is_whole(terminal.text):
            return at


def _used(terminal: Terminal) -> float:
    """Return the CPU seconds of the program and of its children, of which one reads the log."""
    times = [each.cpu_times() for each in psutil.Process(terminal.process.pid).children(recursive=True)]
    return terminal.used() + sum(each.user + each.system for each in times)


def _accumulate(path: Path, steps: int) -> tuple[float, float]:
    """Return the seconds and the seconds of CPU of TensorBoard's own loader."""
    done = subprocess.run(
        [TENSORBOARD, "-c", ACCUMULATE, str(path)], capture_output=True, text=True, check=True, timeout=1200
    )
    seconds, used, count = map(float, done.stdout.split())
    if count != 6 * steps:
        raise RuntimeError(f"{count:.0f} values, not {6 * steps}")
    return seconds, used


def tree(effort: Effort) -> list[Row]:
    """Measure a folder with 500 logs of 5,000 steps and six series: the list, then eight of them in one chart."""
    runs, steps, shown = (50 if effort.quick else 500) + 1, 5000, 8
    sandbox = Sandbox()
    listed: list[float] = []
    drawn: list[float] = []
    try:
        first = sandbox.directory / "tree" / "run-000" / "events.out.tfevents.1"
        synthetic_logs.write_events(first, steps)
        for index in range(1, runs):
            folder = sandbox.directory / "tree" / f"run-{index:03}"
            folder.mkdir()
            (folder / first.name).write_bytes(first.read_bytes())
        for _ in range(effort.fewer(3)):
            began = monotonic()
            command = [sys.executable, "-m", "tui_trainer", "open", str(sandbox.directory / "tree")]
            terminal = Terminal(command, 140, 40, sandbox.environ, str(sandbox.directory), interpret=True)
            try:
                seen = terminal.wait(lambda text: f"{runs} of {runs}" in text, PATIENCE)
                listed.append(seen - began)
                terminal.press(" \x1b[B" * shown)
                terminal.wait(lambda text: f"{shown} chosen" in text, PATIENCE)
                chosen = monotonic()
                terminal.press("\r")
                seen = terminal.wait(lambda text: has_chart(text) and f"{shown} runs" in text, PATIENCE)
                if seen < 0:
                    raise RuntimeError(f"not everything was drawn:\n{terminal.text}")
                drawn.append(seen - chosen)
            finally:
                terminal.close()
    finally:
        sandbox.close()
    what = f"a tree of {runs - 1} runs x {steps:,} steps x 6"
    return [
        Row(f"{what}: list", "", listed, "s", 1.5, "<="),
        Row(f"{what}: {shown} of them overlaid, more", "", drawn, "s", 2.0, "<="),
    ]


def growing(effort: Effort) -> list[Row]:
    """Follow an event file and a table that get 100 rows a second."""
    rows: list[Row] = []
    sandbox = Sandbox()
    try:
        events, table = sandbox.directory / "tb" / "events.out.tfevents.1", sandbox.directory / "results.csv"
        for name, path, write in (
            ("TensorBoard file", events, synthetic_logs.write_events),
            ("CSV", table, synthetic_logs.write_csv),
        ):
            rows += _follow(effort, sandbox, name, path, write)
    finally:
        sandbox.close()
    return rows


def _follow(
    effort: Effort, sandbox: Sandbox, name: str, path: Path, write: Callable[..., None], steps: int = 60_000
) -> list[Row]:
    write(path, steps, noise=0.0)
    whole = path.read_bytes()
    begin = whole.index(b"\n", len(whole) // 2) + 1 if name == "CSV" else len(whole) // 2
    path.write_bytes(whole[:begin])
    over = threading.Event()

    def produce() -> None:
        each = len(whole) // steps * 10
        at = begin
        with path.open("ab") as file:
            while not over.wait(0.1):
                file.write(whole[at : at + each])
                file.flush()
                at += each

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    command = [sys.executable, "-m", "tui_trainer", "open", str(path)]
    terminal = Terminal(command, 160, 45, sandbox.environ, str(sandbox.directory))
    try:
        terminal.first_text()
        sleep(12.0)
        cpu, sent = watch(terminal, effort.rounds, 3.0)
    finally:
        terminal.close()
        over.set()
        thread.join()
    return [
        Row(f"{name} that grows by 100 rows a second: CPU", "", cpu, "% of a core", 6, "<=", "160x45, smooth curves"),
        Row(f"{name} that grows by 100 rows a second: bytes/s", "", sent, "B/s", 1000, "<=", "160x45, smooth curves"),
    ]
