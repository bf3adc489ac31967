"""The channel between the monitors of processes that train together: entries of the store of torch's default group.

A loop of the user's own may do anything between two beats, so a wait has to end when another rank is gone, has left its
loop, or waits elsewhere for this one. A collective cannot be taken back; an entry that never comes is only looked for.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any

from torch import Tensor

SHORTEST, LONGEST, PATIENT = 0.0001, 0.005, 0.05
"""Seconds between two looks for an entry: at first, soon after, and once `PATIENT_AFTER` seconds have gone by."""
PATIENT_AFTER = 0.25
LOOK_SECONDS = 0.5
"""Seconds between two looks for the reason why an entry does not come."""
LATE_SECONDS = 10.0
"""Seconds after which a wait for ranks that live is told."""
PARTED = "parted"
"""The entry with the reason why the ranks do not meet any more."""

BEAT, OTHER = b"b", b"x"
"""Kinds of messages: the numbers of a beat, and any other; guards have theirs."""
_KINDS = {
    BEAT: "has taken its step",
    OTHER: "exchanges values",
    b"s": "has taken a step that guards look at",
    b"g": "is about to take a step",
}


class Parted(Exception):
    """The ranks do not meet any more; the message is the reason."""


class StoreChannel:
    """Messages by entries of a store, as `tui_trainer.engine.ranks.channel.Channel` has them.

    Args:
        store: a store with a prefix of its own; every call on it returns at once.
        rank, size: this process, and how many there are.
        missing: returns why ranks that are waited for do not come, empty while they may; given the seconds so far.
    """

    def __init__(self, store: Any, rank: int, size: int, missing: Callable[[Sequence[int], float], str]) -> None:
        self.rank, self.size = rank, size
        self._store = store
        self._missing = missing
        self._count = 0
        """Messages so far, which are counted alike on every rank."""
        self._mine: list[str] = []
        """Entries of this rank that all others have read once it receives the next message."""
        self.attached = b""
        """Bytes that are sent to rank 0 with the next numbers."""
        self.received: list[bytes] = []
        """Bytes that were received with the last numbers, by rank."""
        self.say: Callable[[str], None] = lambda text: None
        """Called with the ranks that this one has waited for long, and again when they have come."""
        self.patience: float | None = None
        """Seconds after which a wait is given up; None for as long as the others may come."""

    def gather(self, numbers: Sequence[float]) -> list[list[float]]:
        """Send numbers, and what is attached, to rank 0. Returns the numbers of all ranks there."""
        values = [float(each) for each in numbers]
        payload = BEAT + struct.pack(f"<I{len(values)}d", len(values), *values) + self.attached
        self.attached = b""
        rows: list[list[float]] = []
        self.received = []
        for message in self._collect(payload):
            (count,) = struct.unpack_from("<I", message)
            rows.append(list(struct.unpack_from(f"<{count}d", message, 4)))
            self.received.append(message[4 + 8 * count :])
        return rows

    def _collect(self, payload: bytes) -> list[bytes]:
        """Return the messages of all ranks on rank 0, without their kinds; nothing elsewhere."""
        self._count += 1
        key = f"up/{self._count}"
        if self.rank:
            self._forget()
            self._set(f"{key}/{self.rank}", payload)
            return []
        others = range(1, self.size)
        self.wait({f"{key}/{rank}": rank for rank in others})
        self._forget()
        messages = [payload, *(bytes(self._store.get(f"{key}/{rank}")) for rank in others)]
        for rank, message in enumerate(messages):
            if message[:1] != payload[:1]:
                raise Parted(f"rank 0 {_KINDS[payload[:1]]}, rank {rank} {_KINDS[message[:1]]}")
        return [message[1:] for message in messages]

    def broadcast(self, message: bytes) -> bytes:
        """Return the message of rank 0."""
        self._count += 1
        key = f"down/{self._count}"
        if self.rank == 0:
            self._set(key, message)
            return message
        self.wait({key: 0})
        return bytes(self._store.get(key))

    def exchange(self, value: Any, kind: bytes = OTHER) -> list[Any]:
        """Return the JSON values of all ranks.

        Args:
            kind: one byte; ranks that exchange values of different kinds are not at the same place in their loops.
        """
        parts = self._collect(kind + json.dumps(value).encode())
        told = self.broadcast(json.dumps([json.loads(part) for part in parts]).encode() if parts else b"")
        return json.loads(told)

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all ranks, added in their order."""
        rows = self.exchange(values.detach().double().flatten().tolist())
        total = [sum(column) for column in zip(*rows, strict=True)]
        return values.new_tensor(total).reshape(values.shape)

    def _set(self, key: str, message: bytes) -> None:
        try:
            self._store.set(key, message)
        except RuntimeError as error:
            raise Parted(f"the store of the processes does not answer: {_first_line(error)}") from None
        self._mine.append(key)

    def _forget(self) -> None:
        """Delete what every rank has read: a message came that is sent only after that."""
        for key in self._mine:
            self._store.delete_key(key)
        self._mine.clear()

    def wait(self, keys: dict[str, int]) -> None:
        """Wait for entries, each of a rank. Raises `Parted` where one does not come."""
        began = monotonic()
        looked, pause, late = began, SHORTEST, ""
        left = list(keys)
        while True:
            try:
                left = [key for key in left if not self._store.check([key])]
            except RuntimeError as error:
                raise Parted(f"the store of the processes does not answer: {_first_line(error)}") from None
            now = monotonic()
            if not left:
                if late:
                    self.say(f"{late} came after {now - began:.0f} s")
                return
            if now - looked > LOOK_SECONDS or (self.patience is not None and now - began > self.patience):
                looked = now
                ranks = sorted({keys[key] for key in left})
                self._look(ranks, now - began)
                if not late and now - began > LATE_SECONDS:
                    late = f"rank{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks[:8]))}"
                    self.say(f"waiting for {late}: alive, but busy; every command takes effect when all ranks meet")
            sleep(pause)
            pause = min(pause * 2, LONGEST if now - began < PATIENT_AFTER else PATIENT)

    def _look(self, ranks: Sequence[int], seconds: float) -> None:
        """Raise `Parted` where these ranks do not come."""
        try:
            reason = self._store.get(PARTED).decode() if self._store.check([PARTED]) else self._missing(ranks, seconds)
        except RuntimeError as error:
            reason = f"the store of the processes does not answer: {_first_line(error)}"
        if not reason and self.patience is not None and seconds > self.patience:
            reason = f"rank {ranks[0]} did not come within {self.patience:.0f} s"
        if reason:
            raise Parted(reason)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
