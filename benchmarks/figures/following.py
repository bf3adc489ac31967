"""Memory and frame cost of host and viewer during a very long run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

import psutil

from benchmarks.figures import Effort
from benchmarks.sandbox import ROOT
from benchmarks.statistics import Row, spread

EACH = 150
MARKS = 20
"""Measurements along the run."""
FRAMES = 10


def five_million(effort: Effort) -> list[Row]:
    """Send 5,000,000 steps of three metrics through an event bus to a viewer's state, in a separate process."""
    steps = 1_000_000 if effort.quick else 5_000_000
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "benchmarks.figures.following", str(steps), directory]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    first, *later = json.loads(done.stdout)
    what = f"{steps:,} steps"
    grown = [mark["memory"] - first["memory"] for mark in later]
    return [
        Row(
            f"memory of host and viewer after {what}, growth",
            f"after {first['steps']:,} steps",
            [grown[-1]],
            "MiB",
            5,
            "<=",
            f"{first['memory']:.0f} MiB then, {later[-1]['memory']:.0f} MiB at the end",
        ),
        Row(
            f"cost of a frame along {what}",
            f"after {first['steps']:,} steps",
            [mark["frame"] / first["frame"] for mark in later],
            target=1.25,
            comparison="<=",
            note=f"four charts at 140x40: {spread([mark['frame'] for mark in later])[1] * 1000:.1f} ms of CPU",
        ),
    ]


def follow(steps: int, directory: Path) -> list[dict[str, float]]:
    """Publish, apply and draw; return memory and the CPU time of a frame at regular intervals."""
    from benchmarks.synthetic_journals import scalars
    from tui_trainer.host.event_bus import EventBus
    from tui_trainer.protocol import events as ev
    from tui_trainer.runs.journal import Journal
    from tui_trainer.state.run_state import RunState

    class Viewer:
        """A subscriber that applies each event to a run state."""

        def __init__(self) -> None:
            self.state = RunState(run="long")

        def put(self, event: ev.AnyEvent, line: bytes) -> None:
            self.state.apply(event)

        def restart(self) -> None:
            pass

    bus, viewer = EventBus(), Viewer()
    bus.add_run("long")
    bus.attach_journal("long", Journal(directory / "events.jsonl"))
    bus.subscribe(viewer, lambda states: None)
    bus.publish("long", ev.RunStarted(steps_per_epoch=1000, epochs=steps // 1000))
    kinds = [scalars(1, EACH, 3, steps)]
    measurements: list[dict[str, float]] = []
    mark = steps // MARKS
    process = psutil.Process()
    for first in range(1, steps + 1, EACH):
        column = kinds[0]
        last = first + EACH - 1
        shift = list(range(first, last + 1))
        seconds = [step / 1500 for step in shift]
        bus.publish("long", column.model_copy(update={"step": last, "steps": shift, "seconds": seconds}))
        if last // mark > (first - 1) // mark:
            bus.sync_journal("long")  # flushes the buffered events
            frame = min(_frame(viewer.state) for _ in range(FRAMES))
            measurements.append({"steps": last, "memory": process.memory_info().rss / 2**20, "frame": frame})
            _restart(directory)
    return measurements


def _restart(directory: Path) -> None:
    """Empty the journal: its size is not measured here."""
    import os

    os.truncate(directory / "events.jsonl", 0)


def _frame(state: object) -> float:
    from tui_trainer.ui.charts.palette import palette
    from tui_trainer.ui.charts.registry import ChartKind, chart_data
    from tui_trainer.ui.charts.view import View
    from tui_trainer.ui.render.plot import draw

    began = process_time()
    for kind in (ChartKind.LOSS, ChartKind.RATE, ChartKind.NORM, ChartKind.SPEED):
        draw(chart_data(kind, [state], 0, View(), 70, 14), 70, 14, palette())  # type: ignore[list-item]
    return process_time() - began


if __name__ == "__main__":
    print(json.dumps(follow(int(sys.argv[1]), Path(sys.argv[2]))))
