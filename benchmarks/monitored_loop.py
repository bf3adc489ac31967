"""A training loop of about a thousand steps a second, in turns with and without a monitor: one JSON line a turn."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from time import perf_counter, sleep
from typing import Any

import torch
from torch import nn

from tui_trainer import Monitor

WARM = 100
"""Steps of a turn that are not timed."""


def main() -> None:
    """Train in turns and print the microseconds of a step of each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--viewer", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as runs:
        for turn in range(2 * given.turns):
            watched = turn % 2 == 1
            seconds = _turn(given.steps, runs if watched else None, viewer=given.viewer)
            print(json.dumps({"monitor": watched, "microseconds": seconds * 1e6 / given.steps}), flush=True)


def _turn(steps: int, runs: str | None, *, viewer: bool) -> float:
    """Return the seconds of the timed steps of one turn."""
    torch.manual_seed(0)
    inputs, targets = torch.randn(64, 64), torch.randint(10, (64,))
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    monitor = Monitor(
        "benchmark", model=model, optimizer=optimizer, runs_dir=runs, quiet=True, enabled=runs is not None
    )
    watching: subprocess.Popen[bytes] | None = None
    if viewer and runs is not None:
        command = [sys.executable, "-m", "tui_trainer", "bridge", monitor.run, "--runs-dir", runs]
        watching = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        sleep(2)
    began = 0.0
    with monitor:
        batches: Any = range(steps + WARM)
        for step in monitor.batches(batches):
            if step == WARM:
                began = perf_counter()
            loss = nn.functional.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            monitor.log({"reward/mean": 0.5}, loss=loss, share=1.0)
        seconds = perf_counter() - began
    if watching is not None:
        with contextlib.suppress(OSError):
            watching.kill()
        watching.wait()
    return seconds


if __name__ == "__main__":
    main()
