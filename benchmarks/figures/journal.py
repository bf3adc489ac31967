"""What writing everything down costs: bytes on disk, and a share of the loop's time."""

from __future__ import annotations

from time import perf_counter, thread_time

from benchmarks.figures import Effort
from benchmarks.recorded_run import Written
from benchmarks.sandbox import Place
from benchmarks.statistics import Row
from tui_trainer.protocol import events as ev


class Timed(Written):
    """One that counts what it writes, and the time that this takes."""

    spent = 0.0
    """Seconds of the thread's CPU."""
    values = 0

    def publish(self, event: ev.AnyEvent) -> None:
        """Write an event down."""
        if isinstance(event, ev.Scalars):
            self.values += sum(len(column) for column in event.values.values())
        began = thread_time()
        super().publish(event)
        self.spent += thread_time() - began


def journal(effort: Effort) -> list[Row]:
    """digits-mlp through the hub that a host has: stamped, folded, encoded and written."""
    place = Place()
    try:
        run = Timed(place.directory / "events.jsonl")
        shares: list[float] = []
        for _ in range(effort.rounds):
            before, began, until = run.spent, thread_time(), perf_counter() + 1.5
            while perf_counter() < until:
                next(run.steps)
            shares.append((run.spent - before) / (thread_time() - began) * 100)
        run.close()
        size = (place.directory / "events.jsonl").stat().st_size
    finally:
        place.close()
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
            "journal's share of the loop's time",
            "",
            shares,
            "%",
            1.0,
            "<=",
            "stamp, fold, encode, write; CPU of the thread",
        ),
    ]
