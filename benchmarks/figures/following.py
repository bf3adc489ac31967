"""Following a run without an end: whether memory and the cost of a frame stay what they were."""

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
"""Places along the run at which memory and frames are looked at."""
FRAMES = 10


def five_million(effort: Effort) -> list[Row]:
    """5,000,000 steps of three metrics through a host's hub and a viewer's state, in a process of their own."""
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
            reach=1.25,
            way="<=",
            note=f"four charts at 140x40: {spread([mark['frame'] for mark in later])[1] * 1000:.1f} ms of CPU",
        ),
    ]


def follow(steps: int, directory: Path) -> list[dict[str, float]]:
    """Publish, fold and draw; memory and the processor time of a frame at even distances."""
    from benchmarks.synthetic_journals import scalars
    from tui_trainer.host.event_bus import EventBus
    from tui_trainer.protocol import events as ev
    from tui_trainer.runs.journal import Journal
    from tui_trainer.state.run_state import RunState

    class Viewer:
        """A viewer that folds what it is handed."""

        def __init__(self) -> None:
            self.state = RunState(run="long")

        def put(self, event: ev.AnyEvent, line: bytes) -> None:
            self.state.apply(event)

        def restart(self) -> None:
            pass

    hub, viewer = EventBus(), Viewer()
    hub.add_run("long")
    hub.attach_journal("long", Journal(directory / "events.jsonl"))
    hub.subscribe(viewer, lambda states: None)
    hub.publish("long", ev.RunStarted(steps_per_epoch=1000, epochs=steps // 1000))
    kinds = [scalars(1, EACH, 3, steps)]
    found: list[dict[str, float]] = []
    mark = steps // MARKS
    process = psutil.Process()
    for first in range(1, steps + 1, EACH):
        column = kinds[0]
        last = first + EACH - 1
        shift = list(range(first, last + 1))
        seconds = [step / 1500 for step in shift]
        hub.publish("long", column.model_copy(update={"step": last, "steps": shift, "seconds": seconds}))
        if last // mark > (first - 1) // mark:
            hub.sync_journal("long")  # what waits for company is in sight too
            frame = min(_frame(viewer.state) for _ in range(FRAMES))
            found.append({"steps": last, "memory": process.memory_info().rss / 2**20, "frame": frame})
            _restart(directory)
    return found


def _restart(directory: Path) -> None:
    """The bytes of the journal are of no interest here, and the disk is not endless."""
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
