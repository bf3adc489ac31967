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


def monitor(effort: Effort) -> list[Row]:
    """Measure a step of a script with three scalars, in turns with and without a monitor, and with a viewer."""
    rows: list[Row] = []
    for name, options in (("monitor", []), ("monitor, with a viewer", ["--viewer"])):
        turns = ["--turns", str(effort.rounds), "--steps", "500" if effort.quick else "1500", *options]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.monitored_loop", *turns], capture_output=True, text=True, check=True
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        bare = [line["microseconds"] for line in lines if not line["monitor"]]
        watched = [line["microseconds"] for line in lines if line["monitor"]]
        extra = [with_it - without for with_it, without in zip(watched, bare, strict=True)]
        usual = spread(bare)[1]
        rows.append(
            Row(
                name,
                "the same script without it",
                extra,
                "µs",
                target=max(MOST, MOST_SHARE * usual),
                comparison="<=",
                note=f"a step takes {usual:,.0f} µs without it",
            )
        )
    return rows
