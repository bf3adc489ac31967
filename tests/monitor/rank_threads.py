"""Loops of several ranks as threads of this test, which share a store: nothing waits for torchrun or gloo."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from tui_trainer import Monitor
from tui_trainer.monitor.ranks import together as meeting
from tui_trainer.monitor.ranks.together import Together
from tui_trainer.protocol.commands import AnyCommand

COUNT = 2


class Rank:
    """One rank: a model of its own, and the rates with which it took its steps.

    Args:
        number: its rank.
        store: the store of all.
    """

    def __init__(self, number: int, store: Any, runs: Path) -> None:
        self.number, self.store, self.runs = number, store, runs
        self.model = nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            self.model.weight.fill_(1.0)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.seen: list[tuple[int, float]] = []

    def monitor(self, **given: Any) -> Monitor:
        """Return the monitor of this rank."""
        given = {"model": self.model, "optimizer": self.optimizer, "runs_dir": self.runs, "quiet": True} | given
        return Monitor("threads", **given)

    def step(self, monitor: Monitor) -> None:
        """Take a step with a gradient of 1, as all ranks do."""
        self.optimizer.zero_grad()
        self.model(torch.ones(1, 2)).sum().backward()
        self.seen.append((monitor.step_count + 1, self.optimizer.param_groups[0]["lr"]))
        self.optimizer.step()


def send(monitor: Monitor, command: AnyCommand) -> None:
    """Send a command to rank 0."""
    run = monitor._run
    assert run is not None
    assert run.submit(command) is None


def in_ranks(runs: Path, patch: pytest.MonkeyPatch, work: Callable[[Rank], Any], count: int = COUNT) -> list[Any]:
    """Call a function in a thread for each rank. Returns what each returned."""
    store = dist.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    here = threading.local()

    def find(name: str, rank: int, size: int) -> Together:
        return Together(store, rank, size)

    patch.setattr(meeting, "find_others", find)
    patch.setattr("tui_trainer.monitor.parts.processes.place", lambda: (here.rank, count))

    def enter(rank: int) -> Any:
        here.rank = rank
        return work(Rank(rank, store, runs))

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(enter, range(count)))
