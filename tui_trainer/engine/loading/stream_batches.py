"""Batches of a stream: an iterable data set, a loader, or any other iterable of batches.

A *pass* is one iteration of the stream. One with a length begins a pass with each epoch; one without goes on from epoch
to epoch, and begins the next pass where it ends.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import islice
from time import perf_counter
from typing import Any

import torch
from torch.utils.data import DataLoader

from tui_trainer.data.loaders import drawing, length_of
from tui_trainer.data.types import BatchSource, Split
from tui_trainer.engine.batches import Batches
from tui_trainer.engine.checkpointing.state_tree import flatten
from tui_trainer.errors import UserError


class StreamBatches(Batches):
    """Batches of a stream, with its position.

    Where the stream has `state_dict` and `load_state_dict`, they keep its position. Otherwise the batches of a pass are
    read again and dropped, up to the one that is needed. Random numbers are seeded by the pass and the batch.

    Args:
        source: the stream.
        split: its first samples, on the device.
        batch_size: samples in a step, for a stream of samples.
        accumulate: batches that one step joins.
        seed: seed of the random numbers that the stream draws.

    Raises:
        UserError: its state cannot be saved.
    """

    def __init__(self, source: BatchSource, split: Split, batch_size: int, accumulate: int, seed: int) -> None:
        self._source = source
        self._join = accumulate if source.kind == "batches" else 1
        size = batch_size if source.kind == "samples" else len(split) * accumulate
        length, asked = length_of(source.part), source.steps_per_epoch
        self._begins_each_epoch = not asked
        per_pass = -(-(length or 0) // (size if source.kind == "samples" else self._join))
        per_epoch = asked or max(per_pass, 1)
        super().__init__(split, size, "shuffle", seed, per_epoch * size)
        self._object = source.part
        self._used = False
        """Whether the object was iterated."""
        self._iterator: Iterator[Any] | None = None
        self._at, self._pass, self._taken = 0, 0, 0
        self._ended = False
        """Whether the pass before ended with the batch that was read last."""
        self._held: dict[str, Any] = {}
        """The position before the batch that was read last: it may not have been trained yet."""
        self._target = self._stateful(self._object)
        self._check_state()

    @property
    def keeps_state(self) -> bool:
        """Whether the stream keeps its position itself."""
        return self._target is not None

    def order(self, epoch: int) -> torch.Tensor | None:
        """Return None: a stream has its own order."""
        return None

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the batches of an epoch from index `start` on."""
        for number in range(epoch * self.per_epoch + start, (epoch + 1) * self.per_epoch):
            began = perf_counter()
            if number != self._at:
                self._go_to(number)
            self._held = self._position()
            if self._begins_each_epoch and number % self.per_epoch == 0 and self._taken:
                self._begin_pass()
            inputs, targets = self._next()
            device = self.split.inputs.device
            batch = inputs.to(device), targets.to(device)
            self.waited += perf_counter() - began
            yield batch if self.share is None else self.share.cut(*batch)

    def state_dict(self, step: int) -> dict[str, Any]:
        """Return the position after `step` batches: the present one, or the one before a batch not yet trained."""
        return self._held if self._held.get("at") == step else self._position()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; the stream is opened there when its next batch is needed."""
        if not state:
            return
        self._at, self._pass, self._taken = int(state["at"]), int(state["pass"]), int(state["taken"])
        self._iterator = None
        self._held = state

    def _position(self) -> dict[str, Any]:
        if self._iterator is None and self._held.get("at") == self._at:
            return self._held
        state = copy.deepcopy(self._target.state_dict()) if self._target is not None and self._iterator else None
        return {"at": self._at, "pass": self._pass, "taken": self._taken, "state": state}

    def _go_to(self, number: int) -> None:
        """Go back to the batch that was read last."""
        if self._held.get("at") != number:
            raise RuntimeError(f"the stream stands at batch {self._at}, and batch {number} is needed")
        self.load_state_dict(self._held)

    def _next(self) -> tuple[torch.Tensor, torch.Tensor]:
        if self._iterator is None:
            self._open()
        elif self._ended:
            self._start()
        batch = self._read()
        if batch is None:
            self._begin_pass()
            batch = self._read()
        if batch is None:
            raise UserError(
                f"data.path = {self._source.path!r}: pass {self._pass + 1} of the stream yields nothing; its "
                "__iter__ must begin again at the first sample"
            )
        self._at += 1
        self._taken += 1
        if self._source.kind == "samples" and len(batch[0]) < self.size:  # the stream has come to its end
            self._pass, self._taken, self._ended = self._pass + 1, 0, True
        return batch

    def _begin_pass(self) -> None:
        self._pass += 1
        self._taken = 0
        self._start()

    def _open(self) -> None:
        """Open the stream at the present pass and batch."""
        state = self._held.get("state") if self._held.get("at") == self._at else None
        if self._target is not None and state is not None:
            self._target.load_state_dict(copy.deepcopy(state))
            self._start()
            return
        taken, self._taken = self._taken, 0
        self._start()
        for _ in range(taken):
            self._read()
            self._taken += 1

    def _start(self) -> None:
        """Begin to iterate the stream."""
        with drawing(self.seed, self._pass, 0):
            if self._used and iter_is_self(self._object):
                self._object = self._source.again()
                self._target = self._stateful(self._object)
            if hasattr(self._object, "set_epoch"):
                self._object.set_epoch(self._pass)
            self._iterator = iter(self._object)
        self._used, self._ended = True, False

    def _read(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Read one batch; None at the end of the pass."""
        assert self._iterator is not None
        with drawing(self.seed, self._pass, self._taken + 1):
            if self._source.kind == "samples":
                items = list(islice(self._iterator, self.size))
                return self._source.collated(items) if items else None
            parts = [self._source.converted(each) for each in islice(self._iterator, self._join)]
        if len(parts) < 2:
            return parts[0] if parts else None
        return torch.cat([inputs for inputs, _ in parts]), torch.cat([targets for _, targets in parts])

    def _stateful(self, part: Any) -> Any:
        """Return the object whose state is the position of the stream; None if there is none."""
        if hasattr(part, "state_dict") and hasattr(part, "load_state_dict"):
            return part
        if isinstance(part, DataLoader) and self._source.kind == "batches" and not part.num_workers:
            inner: Any = part.dataset
            stateful = hasattr(inner, "state_dict") and hasattr(inner, "load_state_dict") and hasattr(inner, "__iter__")
            return inner if stateful else None
        return None

    def _check_state(self) -> None:
        if self._target is None:
            return
        try:
            flatten(self._target.state_dict())
        except Exception as error:  # noqa: BLE001 - code of the user's own may fail in any way
            raise UserError(
                f"data.path = {self._source.path!r}: its state_dict() cannot be saved: {error}; use numbers, "
                "texts, lists, dicts and tensors"
            ) from None


def iter_is_self(part: Any) -> bool:
    """Return whether an object is an iterator, which can be iterated once."""
    return hasattr(part, "__next__")
