"""The channel of the processes that train together: small messages between them, on a gloo group of its own.

Gradients do not pass here: `DistributedDataParallel` reduces them on the default group.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE = timedelta(days=30)
"""Time that a rank waits for the others, such as while the first one is paused. A rank that is gone closes its
connections, which ends the wait at once."""
USUAL = 1024
"""Bytes of a message that needs one broadcast."""
_HEAD = 8
"""Bytes in front of a message: its length."""


class Channel(Protocol):
    """Messages between ranks. Every rank makes the same calls in the same order.

    Attributes:
        rank: the number of this process.
        size: how many there are.
    """

    rank: int
    size: int

    def gather(self, numbers: Sequence[float]) -> list[list[float]]:
        """Send numbers to rank 0, the same count from each. Returns those of all ranks there, nothing elsewhere."""
        ...

    def broadcast(self, message: bytes) -> bytes:
        """Return the message of rank 0."""
        ...

    def exchange(self, value: Any) -> list[Any]:
        """Return the JSON values of all ranks."""
        ...

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all ranks; the bits are the same on each."""
        ...


class GlooChannel:
    """Messages by collectives of a gloo group.

    Args:
        group: the group; None makes one of all processes of the default group.
    """

    def __init__(self, group: Any = None) -> None:
        made: Any = group if group is not None else dist.new_group(backend="gloo", timeout=PATIENCE)
        self._group: Any = made
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._buffer = torch.zeros(_HEAD + USUAL, dtype=torch.uint8)

    def gather(self, numbers: Sequence[float]) -> list[list[float]]:
        """Send numbers to rank 0. Returns those of all ranks there, nothing elsewhere."""
        mine = torch.tensor(numbers, dtype=torch.float64)
        rows = [torch.zeros_like(mine) for _ in range(self.size)] if self.rank == 0 else None
        dist.gather(mine, rows, dst=0, group=self._group)
        return torch.stack(rows).tolist() if rows is not None else []

    def broadcast(self, message: bytes) -> bytes:
        """Return the message of rank 0: one broadcast for a usual one, a second one for what is longer."""
        buffer = self._buffer
        if self.rank == 0:
            head = len(message).to_bytes(_HEAD, "little") + message[:USUAL]
            buffer[: len(head)] = torch.frombuffer(bytearray(head), dtype=torch.uint8)
        dist.broadcast(buffer, 0, group=self._group)
        length = int.from_bytes(bytes(buffer[:_HEAD].tolist()), "little")
        if length <= USUAL:
            return bytes(buffer[_HEAD : _HEAD + length].tolist())
        rest = torch.zeros(length - USUAL, dtype=torch.uint8)
        if self.rank == 0:
            rest = torch.frombuffer(bytearray(message[USUAL:]), dtype=torch.uint8)
        dist.broadcast(rest, 0, group=self._group)
        return bytes(buffer[_HEAD:].tolist()) + rest.numpy().tobytes()

    def exchange(self, value: Any) -> list[Any]:
        """Return the JSON values of all ranks."""
        mine = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        length = torch.tensor([len(mine)])
        lengths = [torch.zeros_like(length) for _ in range(self.size)]
        dist.all_gather(lengths, length, group=self._group)
        longest = max(int(each) for each in lengths)
        padded = torch.nn.functional.pad(mine, (0, longest - len(mine)))
        parts = [torch.zeros_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded, group=self._group)
        return [json.loads(part[: int(length)].numpy().tobytes()) for part, length in zip(parts, lengths, strict=True)]

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all ranks, on the device of `values`."""
        mine = values.detach().to("cpu", copy=True)
        parts = [torch.zeros_like(mine) for _ in range(self.size)]
        # In the order of the ranks: an all-reduce adds in an order that changes with the number of values.
        dist.all_gather(parts, mine, group=self._group)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total.to(values.device)
