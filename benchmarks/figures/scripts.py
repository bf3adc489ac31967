"""The cost of a monitor in a training script."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.figures import Effort
from benchmarks.statistics import Row, spread

MOST = 20.0
"""Microseconds that a step may take longer, or MOST_SHARE of it where that is more."""
MOST_SHARE = 0.02
MOST_OTHERS = 1.0
"""Percent of the CPU of the training that the other threads of the monitor may take."""
TURNS = 200
"""Turns of each loop in a round."""


def monitor(effort: Effort) -> list[Row]:
    """Measure a step of a script with three scalars, in turns with and without a monitor, and with a viewer."""
    rows: list[Row] = []
    for name, options in (("monitor", []), ("monitor, with a viewer", ["--viewer"])):
        turns = ["--turns", str(effort.rounds * TURNS), *options]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.monitored_loop", *turns], capture_output=True, text=True, check=True
        )
        *lines, end = [json.loads(line) for line in done.stdout.splitlines()]
        for key, where in (("cpu", ", CPU of the thread that trains"), ("microseconds", "")):
            bare = [line[key] for line in lines if not line["monitor"]]
            watched = [line[key] for line in lines if line["monitor"]]
            flushing = end["flushing"]
            extra = [with_it - without + flushing for with_it, without in zip(watched, bare, strict=True)]
            usual = spread(bare)[1]
            rows.append(
                Row(
                    f"{name}{where}: more for a step",
                    "the same loop without it",
                    extra,
                    "µs",
                    target=max(MOST, MOST_SHARE * usual),
                    comparison="<=",
                    note=f"a step takes {usual:,.0f} µs without it; flushes are {flushing:.1f} µs of the figure",
                )
            )
        others = f"{name}: CPU of the other threads"
        rows.append(Row(others, "that of the training", [end["others"]], "%", target=MOST_OTHERS, comparison="<="))
    return rows
