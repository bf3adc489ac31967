"""One lane of a trial: batches that are handed out until the loop has taken some steps, and their losses."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tui_trainer.engine.checkpointing.state_tree import size_of
from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.engine.events.flush import flush
from tui_trainer.monitor.loaders import count_batches
from tui_trainer.monitor.parts.optimizers import rate_of
from tui_trainer.monitor.trying.batch_store import END, BatchStore
from tui_trainer.monitor.trying.loop_copy import LoopCopy, loop_tensors
from tui_trainer.monitor.trying.outside import LoopVariables
from tui_trainer.monitor.trying.randomness import RandomSource
from tui_trainer.protocol.commands import AnyCommand, Pause, Stop, TakeRace

if TYPE_CHECKING:
    from tui_trainer.monitor.script_run import ScriptRun

IDLE = 64
"""Batches without a step after which a lane ends."""


@dataclass(slots=True)
class Lane:
    """The outcome of a lane.

    Attributes:
        losses: of each step.
        broke: why it ended early; empty where it did not.
        interrupted: whether a pause, a stop or a decision ended it.
        seconds: time that it took.
        batches: that were handed out.
    """

    losses: list[float] = field(default_factory=list[float])
    broke: str = ""
    interrupted: bool = False
    seconds: float = 0.0
    batches: int = 0


def _always(_loss: float) -> bool:
    return True


def _nothing(_step: int) -> None:
    return None


class Trial:
    """A loop that is about to be tried.

    Args:
        run: the run of the loop.
        store: its coming batches.
        sources: its random number generators.
        left: objects that move with the loader, and generators, which are put back as sources.
        surroundings: the variables of the loop.
        warning: what will not be put back; empty where nothing is known of that kind.
        length: batches of an epoch, None where that is not known.
        command: what was asked for.
    """

    def __init__(
        self,
        run: ScriptRun,
        store: BatchStore,
        sources: Sequence[RandomSource],
        left: Sequence[Any],
        surroundings: LoopVariables,
        warning: str,
        length: int | None,
        command: AnyCommand,
    ) -> None:
        flush(run.state, run.services)
        self.run, self.store, self.surroundings, self.warning = run, store, surroundings, warning
        self._length, self.command = length, command
        self.lr = rate_of(run.services.optimizer.groups[0])
        """The rate in force."""
        limit = run.services.snapshot_limit
        size = size_of_loop(run)
        if size > limit:
            raise Refusal(f"a copy of the run has {size / 1e6:,.0f} MB, above the limit of {limit / 1e6:,.0f} MB")
        self._copy: LoopCopy | None = LoopCopy(run, sources, left)
        self.bytes = self._copy.bytes
        self.lanes = 0
        """Lanes that were begun."""
        self.published: Callable[[], None] | None = None
        """Called once the outcome is published."""
        self._began = perf_counter()

    @property
    def seconds(self) -> float:
        """Time since the trial began."""
        return perf_counter() - self._began

    @property
    def size(self) -> int:
        """Bytes of the copy of the loop and of the batches that are kept."""
        return self.bytes + self.store.size()

    def put_back(self) -> None:
        """Put the loop back to where the trial began."""
        assert self._copy is not None
        with self.run.events.muted():
            self._copy.restore()

    def rewind_random(self) -> None:
        """Put the generators back, and nothing else."""
        assert self._copy is not None
        self._copy.restore_random()

    def end(self) -> None:
        """Put the loop back for good; nothing more is tried."""
        if self._copy is not None:
            self.put_back()
            self._copy = None

    @property
    def per_step(self) -> int:
        """Batches for each step, as far as they were seen."""
        count_batches(self.run)
        return self.run.services.batches_per_step

    @property
    def batches_left(self) -> int | None:
        """Batches of this epoch that are to come; None where the loader has no length."""
        return None if self._length is None else max(self._length - self.run.state.position, 0)

    @property
    def batch_bytes(self) -> int:
        """Bytes of a batch, of those that are kept."""
        return self.store.size() // max(len(self.store), 1)

    def steps_left(self, asked: int) -> int:
        """Return the steps that the batches of this epoch give, at most as many as were asked for."""
        left = self.batches_left
        return asked if left is None else min(asked, left // self.per_step)

    def lane(
        self,
        count: int,
        *,
        before: Callable[[int], None] = _nothing,
        after: Callable[[float], bool] = _always,
        wraps: bool = False,
    ) -> Generator[Any, None, Lane]:
        """Hand out the batches from the first on, until `count` steps were taken.

        Args:
            before: called with the number of each step before its first batch.
            after: called with its loss; returns False to end the lane.
            wraps: whether the batches begin again after the last one.

        Raises:
            Refusal: the loop logs no training loss.
        """
        run, lane, began = self.run, Lane(), perf_counter()
        self.lanes += 1
        index, idle, fresh = 0, 0, True
        while len(lane.losses) < count:
            batch = self.store.at(index)
            if batch is END and wraps and index:
                index = 0
                batch = self.store.at(0)
            if batch is END:
                break
            if fresh:
                before(len(lane.losses))
            index += 1
            lane.batches += 1
            step = run.state.step
            run.batch_begins()
            with run.events.muted():
                yield batch
            fresh = run.state.step > step
            if not fresh:
                idle += 1
                if idle == IDLE:
                    lane.broke = f"no step was taken in {IDLE} batches"
                    break
                continue
            idle = 0
            loss = self._loss()
            if not math.isfinite(loss):
                lane.broke = f"its loss was not finite at step {len(lane.losses) + 1}"
                break
            lane.losses.append(loss)
            lane.interrupted = is_interrupted(run)
            goes_on = after(loss)
            if lane.interrupted or not goes_on:
                break
            if run.services.first_broken() is not None:
                lane.broke = f"its weights were not finite after step {len(lane.losses)}"
                break
        lane.seconds = perf_counter() - began
        return lane

    def _loss(self) -> float:
        """Return the training loss that was logged for the step, and forget its numbers."""
        numbers = self.run.services.values.take()
        loss = numbers.get("train_loss")
        if loss is None:
            logged = ", ".join(sorted(numbers)) or "nothing"
            raise Refusal(f"the loop logs no training loss: log(loss=...), or give Monitor roles= (it logs {logged})")
        return float(loss)


def is_interrupted(run: ScriptRun) -> bool:
    """Return whether a command waits that ends a trial."""
    return any(isinstance(command, Pause | Stop | TakeRace) for command in run.commands.pending())


def size_of_loop(run: ScriptRun) -> int:
    """Return about how many bytes a copy of the loop has."""
    services = run.services
    states = [state for optimizer in services.optimizer.named.values() for state in optimizer.state.values()]
    return size_of(loop_tensors(services.models, services.optimizer)) + size_of(states)
