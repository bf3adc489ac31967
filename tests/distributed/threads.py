"""Ranks as threads of this test, with a channel of shared lists."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
PATIENCE = 120.0


class Hub:
    """The place where the threads meet."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.barrier = threading.Barrier(size, timeout=PATIENCE)
        self.slots: list[Any] = [None] * size


class ThreadChannel:
    """The channel of one thread: every call waits for those of the others."""

    def __init__(self, hub: Hub, rank: int) -> None:
        self.rank, self.size, self.hub = rank, hub.size, hub
        self.calls: list[str] = []

    def _meet(self, call: str, value: Any) -> list[Any]:
        self.calls.append(call)
        self.hub.slots[self.rank] = value
        self.hub.barrier.wait()
        values = list(self.hub.slots)
        self.hub.barrier.wait()
        return values

    def gather(self, numbers: Sequence[float]) -> list[list[float]]:
        rows = self._meet("gather", list(numbers))
        return rows if self.rank == 0 else []

    def broadcast(self, message: bytes) -> bytes:
        return self._meet("broadcast", message)[0]

    def exchange(self, value: Any) -> list[Any]:
        return [json.loads(each) for each in self._meet("exchange", json.dumps(value))]

    def sum(self, values: Tensor) -> Tensor:
        return torch.stack(self._meet("sum", values.detach().clone())).sum(0)


def in_threads(size: int, work: Callable[[ThreadChannel], T]) -> list[T]:
    """Call a function in so many threads. Returns what each returned."""
    hub = Hub(size)

    def call(rank: int) -> T:
        try:
            return work(ThreadChannel(hub, rank))
        except BaseException:
            hub.barrier.abort()  # nothing comes from this one any more
            raise

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(call, range(size)))
