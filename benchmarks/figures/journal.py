"""Bytes of the journal on disk, and its share of the loop's time."""

from __future__ import annotations

from time import perf_counter, thread_time

from benchmarks.figures import Effort
from benchmarks.recorded_run import RecordedRun
from benchmarks.sandbox import Sandbox
from benchmarks.statistics import Row
from tui_trainer.protocol import events as ev


class Timed(RecordedRun):
    """A recorded run that counts the values it writes and the CPU time it takes."""

    spent = 0.0
    """CPU seconds of the thread."""
    values = 0

    def publish(self, event: ev.AnyEvent) -> None:
        """Publish an event and count its values."""
        if isinstance(event, ev.Scalars):
            self.values += sum(len(column) for column in event.values.values())
        began = thread_time()
        super().publish(event)
        self.spent += thread_time() - began


def journal(effort: Effort) -> list[Row]:
    """Send the events of digits-mlp through an event bus: stamp, apply, encode and write."""
    sandbox = Sandbox()
    try:
        run = Timed(sandbox.directory / "events.jsonl")
        shares: list[float] = []
        for _ in range(effort.rounds):
            before, began, until = run.spent, thread_time(), perf_counter() + 1.5
            while perf_counter() < until:
                next(run.steps)
            shares.append((run.spent - before) / (thread_time() - began) * 100)
        run.close()
        size = (sandbox.directory / "events.jsonl").stat().st_size
    finally:
        sandbox.close()
    return [
        Row(
            "journal on disk, per step and metric",
            "",
            [size / run.values],
            "bytes",
            40,
            "<=",
            f"{run.trainer.state.step:,} steps of digits-mlp; steps, seconds, epochs and layers included",
        ),
        Row(
            "share of the loop's time spent on the journal",
            "",
            shares,
            "%",
            1.0,
            "<=",
            "stamp, apply, encode, write; CPU time of the thread",
        ),
    ]
