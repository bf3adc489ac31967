"""A training loop of about a thousand steps a second, in turns with and without a monitor: one JSON line a turn.

Two loops in one process take turns of ten steps, now the one first and then the other, so that other load on the
machine meets both alike. They train the same weights with the same state of the optimizer: with weights of their own,
two loops that are the same differ by up to a twentieth, because of where those lie in memory. A line has the
microseconds of a step that passed, and those of the CPU in the thread that trains; the last one has the share of the
CPU that the other threads took, and the microseconds of CPU of the flushes for each step with a monitor: they come a
few times a second, in too few turns to show in a median.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from time import perf_counter, process_time, sleep, thread_time

import torch
from torch import Tensor, nn

from tui_trainer import Monitor

BLOCK = 10
"""Steps of a turn."""
WARM = 40
"""Turns of each loop that are not measured."""


def main() -> None:
    """Train in turns and print the microseconds of a step of each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--viewer", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as runs:
        monitor, loops = _loops(runs)
        flushes = _timed_flushes(monitor)
        watching = _watch(monitor.run, runs) if given.viewer else None
        for turn in range(2 * WARM):
            next(loops[turn % 2])
        flushes.clear()
        process, thread, waited = process_time(), thread_time(), 0.0
        for turn in range(2 * given.turns):
            watched = turn % 4 in (1, 2)
            elapsed, own = perf_counter(), thread_time()
            next(loops[watched])
            took = [(perf_counter() - elapsed) * 1e6 / BLOCK, (thread_time() - own) * 1e6 / BLOCK]
            waited += took[1] * BLOCK / 1e6
            print(json.dumps({"monitor": watched, "microseconds": took[0], "cpu": took[1]}))
        others = (process_time() - process) - (thread_time() - thread)
        flushing = 1e6 * sum(flushes) / (2 * given.turns * BLOCK)
        print(json.dumps({"others": 100 * others / waited, "flushing": flushing}), flush=True)
        monitor.close()
        if watching is not None:
            with contextlib.suppress(OSError):
                watching.kill()
            watching.wait()


def _loops(runs: str) -> tuple[Monitor, list[Iterator[None]]]:
    """Return the monitor of the second loop, and the loops without and with it."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    bare, watched = (torch.optim.Adam(model.parameters(), lr=1e-3) for _ in range(2))
    bare.state, bare.param_groups = watched.state, watched.param_groups
    batch = torch.randn(64, 64), torch.randint(10, (64,))
    monitor = Monitor("benchmark", model=model, optimizer=watched, runs_dir=runs, quiet=True)
    return monitor, [_train(model, bare, batch, None), _train(model, watched, batch, monitor)]


def _train(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, Tensor], monitor: Monitor | None
) -> Iterator[None]:
    """Train for ever, and yield after each turn."""
    inputs, targets = batch
    for step in monitor.batches(count()) if monitor is not None else count():
        if step % BLOCK == 0:
            yield
        loss = nn.functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if monitor is not None:
            monitor.log({"reward/mean": 0.5}, loss=loss, share=1.0)


def _timed_flushes(monitor: Monitor) -> list[float]:
    """Return a list that gets the CPU seconds of each flush from now on."""
    run, seconds = monitor._run, list[float]()  # pyright: ignore[reportPrivateUsage]
    assert run is not None
    flush = run.flush

    def timed() -> None:
        began = thread_time()
        flush()
        seconds.append(thread_time() - began)

    run.flush = timed
    return seconds


def _watch(run: str, runs: str) -> subprocess.Popen[bytes]:
    """Return a process that reads the events of a run as a viewer does."""
    command = [sys.executable, "-m", "tui_trainer", "bridge", run, "--runs-dir", runs]
    watching = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    sleep(2)
    return watching


if __name__ == "__main__":
    main()
