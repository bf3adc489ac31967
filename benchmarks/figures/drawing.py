"""CPU time of charts for long runs and for many names, and a letter in the filter of 10,000 names."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from statistics import median
from time import monotonic, process_time, sleep

import psutil

from benchmarks.figures import Effort
from benchmarks.sandbox import Sandbox
from benchmarks.statistics import Row, ratios
from benchmarks.terminal import Terminal
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.composed.pages import ChartPages
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.render.plot import draw

WIDTH, HEIGHT = 120, 30
NAMES, FEW = 10_000, 20
POINTS = 20
"""Values of each name."""
SMALL, PER_PAGE = (30, 10), 9
FILTER = "roup7/number6$"
"""Typed letter by letter; the whole of it leaves one chart."""


def redraw(effort: Effort) -> list[Row]:
    """Draw two series of a million points each, and two of 200 points, without any cache."""
    points = 100_000 if effort.quick else 1_000_000
    long, short = _state(points), _state(200)
    colors = palette()
    times: dict[int, list[float]] = {points: [], 200: []}
    for _ in range(effort.rounds * 5):
        for count, state in ((points, long), (200, short)):
            began = process_time()
            draw(chart_data(ChartKind.LOSS, [state], 0, View(), WIDTH, HEIGHT), WIDTH, HEIGHT, colors)
            times[count].append(process_time() - began)
    return [
        Row(
            f"one chart redraw, 2 series x {points:,} points, 120x30",
            "the same chart of 200 points",
            ratios(times[points], times[200]),
            target=1.5,
            comparison="<=",
            note=f"{median(times[points]) * 1000:.1f} / {median(times[200]) * 1000:.1f} ms of CPU",
        )
    ]


def _state(points: int) -> RunState:
    random.seed(1)
    state = RunState(run="chart", status="running")
    state.apply(ev.RunStarted(steps_per_epoch=max(points // 10, 1), epochs=10))
    for first in range(1, points + 1, 1000):
        steps = list(range(first, min(first + 999, points) + 1))
        values = {
            name: [random.gauss(1, 0.1) + 100 / (step + 50) for step in steps] for name in ("train_loss", "val_loss")
        }
        state.apply(ev.Scalars(step=steps[-1], steps=steps, seconds=[step / 1000 for step in steps], values=values))
    return state


def names(effort: Effort) -> list[Row]:
    """Draw a page of charts, and filter them in a terminal."""
    return [_frame(effort), *_filter(effort)]


def _events(count: int) -> list[ev.AnyEvent]:
    """Return the events of a run that logs so many names in groups of 100, beside its loss."""
    logged = [f"group{index // 100}/number{index % 100}" for index in range(count)]
    events: list[ev.AnyEvent] = [ev.RunStarted(title="names", steps_per_epoch=POINTS, epochs=1)]
    for step in range(1, POINTS + 1):
        values: dict[str, list[float | None]] = {name: [float(step * (k % 7 + 1))] for k, name in enumerate(logged)}
        values["train_loss"] = [1 / step]
        events.append(ev.Scalars(step=step, steps=[step], seconds=[float(step)], values=values))
    return [*events, ev.RunFinished(reason="completed", step=POINTS, epoch=1, seconds=POINTS, exit_code=0)]


def _frame(effort: Effort) -> Row:
    """Return the CPU time of a page of charts among many names, relative to one among a few."""
    colors = palette()
    states = {count: RunState(run="names") for count in (NAMES, FEW)}
    times: dict[int, list[float]] = {count: [] for count in states}
    pages = {count: ChartPages(page=1, per_page=PER_PAGE) for count in states}
    for count, state in states.items():
        state.apply(*_events(count))
        pages[count].on_page(state)  # the names are listed once, when there are more of them
    for _ in range(effort.rounds * 5):
        for count, state in states.items():
            began = process_time()
            for chart in pages[count].on_page(state):
                draw(chart_data(chart, [state], 0, View(), *SMALL), *SMALL, colors)
            times[count].append(process_time() - began)
    many, few = times[NAMES], times[FEW]
    note = f"{median(many) * 1000:.1f} / {median(few) * 1000:.1f} ms of CPU"
    name = f"a page of {PER_PAGE} charts, {NAMES:,} names"
    return Row(name, f"the same page among {FEW} names", ratios(many, few), target=1.5, comparison="<=", note=note)


def _filter(effort: Effort) -> list[Row]:
    """Return the time from a letter of the filter to the charts it leaves, and the memory of the viewer."""
    sandbox = Sandbox()
    seconds: list[float] = []
    memory: dict[int, float] = {}
    lost = 0
    try:
        for count in (FEW, NAMES):
            _write(sandbox.folder(f"run-{count}"), count)
            command = [sys.executable, "-m", "tui_trainer", "open", f"run-{count}"]
            terminal = Terminal(command, 140, 40, sandbox.environ, str(sandbox.directory), interpret=True)
            try:
                if terminal.wait(lambda text: "finished" in text, 120) < 0:
                    raise RuntimeError(f"the run was not opened: {terminal.text}")
                terminal.press("}")
                terminal.wait(lambda text: "page 2 of" in text, 60)
                terminal.settled(1.0)
                memory[count] = psutil.Process(terminal.process.pid).memory_info().rss / 2**20
                for _ in range(effort.fewer(3) if count == NAMES else 0):
                    found, missed = _type(terminal)
                    seconds += found
                    lost += missed
            finally:
                terminal.close()
    finally:
        sandbox.close()
    note = "140x40, until the page says how many charts are left" + (f"; {lost} letters not seen" if lost else "")
    more = f"{memory[NAMES]:.0f} / {memory[FEW]:.0f} MiB, {POINTS} values of each name"
    return [
        Row(f"filter of {NAMES:,} names: a letter, median", "", seconds, "s", 0.2, "<=", note),
        Row(f"filter of {NAMES:,} names: a letter, worst", "", seconds, "s", 0.2, "<=", note, worst=True),
        Row(f"memory of {NAMES:,} names", f"{FEW} names", [memory[NAMES] - memory[FEW]], "MiB", 100, "<=", more),
    ]


def _type(terminal: Terminal) -> tuple[list[float], int]:
    """Type a filter, then cancel it. Returns the seconds of each letter, and how many had no effect."""
    seconds: list[float] = []
    lost = 0
    terminal.press("/")
    terminal.wait(lambda text: "Filter the charts" in text, 20)
    for end in range(1, len(FILTER) + 1):
        pressed = monotonic()
        terminal.press(FILTER[end - 1])
        seen = terminal.wait(lambda text, part=FILTER[:end]: f"filter {part}" in text.splitlines()[1], 20)
        seconds += [seen - pressed] if seen > 0 else []
        lost += seen < 0
        sleep(0.1)
    terminal.press("\x1b")
    terminal.wait(lambda text: "Filter the charts" not in text, 20)
    sleep(0.3)
    return seconds, lost


def _write(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    with (folder / "events.jsonl").open("wb") as file:
        for seq, event in enumerate(_events(count), start=1):
            stamp = {"seq": seq, "run": folder.name, "at": "2026-11-24T12:00:00.000Z"}
            file.write(encode_event(event.model_copy(update=stamp)))
