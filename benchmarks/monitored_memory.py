"""The memory of a script with a monitor over millions of steps: one JSON line after each twentieth of them.

python -m benchmarks.monitored_memory                    5,000,000 steps
python -m benchmarks.monitored_memory --steps 200000     a run of a few seconds
"""

from __future__ import annotations

import argparse
import json
import tempfile
from time import perf_counter

import psutil
import torch

from tui_trainer import Monitor

PARTS = 20
"""Measurements of a run."""


def main() -> None:
    """Train and print the resident memory as it goes on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=5_000_000)
    parser.add_argument("--runs-dir")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        _train(given.steps, given.runs_dir or made)


def _train(steps: int, runs: str) -> None:
    """Log three scalars in each step, one of them a tensor, and print after each part of the run."""
    weight = torch.nn.Parameter(torch.zeros(4))
    weight.grad = torch.full((4,), 1e-3)
    optimizer = torch.optim.SGD([weight], lr=1e-3)
    part = max(steps // PARTS, 1)
    process, began = psutil.Process(), perf_counter()
    with Monitor("memory", optimizer=optimizer, runs_dir=runs, quiet=True) as monitor:
        for step in monitor.steps(steps):
            optimizer.step()
            monitor.log({"reward/mean": 0.5}, loss=weight.detach().sum(), share=step % 7)
            if (step + 1) % part == 0:
                line = {"steps": step + 1, "mb": process.memory_info().rss / 1e6, "seconds": perf_counter() - began}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
