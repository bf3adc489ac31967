"""The checkpointer of several ranks: rank 0 writes, the others wait until it has."""

from __future__ import annotations

from typing import Any

import torch

from tui_trainer.engine.checkpointing.checkpointer import BEST, LAST, SHARE, Checkpointer
from tui_trainer.engine.checkpointing.file_format import BadCheckpoint
from tui_trainer.engine.checkpointing.sharded_files import SHARDED, remove_unnamed
from tui_trainer.engine.ranks.channel import Channel
from tui_trainer.engine.ranks.sharded_save import write_shards
from tui_trainer.protocol.commands import AnyCommand

RANKS = "ranks"
"""Key of a checkpoint: the number of ranks, and the generators of each."""

FIRST_SHARE = 0.05
"""Share of the time that the first save of a process may take: it is slower than all that follow."""
MOST_SECONDS = 60.0
"""Seconds of training between two saves, as long as a save stays within `MOST_SHARE` of them."""
MOST_SHARE = 0.05
"""Largest share of the time for saves so slow that 1 % of it would put more than `MOST_SECONDS` between them."""


def other_number(before: int, now: int) -> str:
    """Say that a run is resumed by another number of processes than the one that saved it."""
    return (
        f"resumed by {now} process{'' if now == 1 else 'es'}, saved by {before}: the run goes on, but not exactly as "
        "it would have: sums are added in another order, and dropout draws other masks"
    )


class SharedCheckpointer(Checkpointer):
    """Writes on rank 0 what every rank asks for, and tells all of them whether it is on disk.

    Other ranks call the same methods with trees of their own, of which only the generators are used.
    """

    channel: Channel
    _in_folders: bool = False
    """Whether the newest save has sharded tensors, in a folder of their own."""
    due_now: bool = False
    """Whether rank 0 decided with the last beat that a save is due."""
    _has_paused: bool = False
    """Whether a save of this process has set the pause after it."""

    def due(self, seconds: float) -> bool:
        """Return whether the run should be saved, as rank 0 decided."""
        return self.due_now

    def due_by_time(self, seconds: float) -> bool:
        """Return whether the run should be saved after `seconds` of training, for rank 0 to decide."""
        return super().due(seconds)

    def pause_after(self, cost: float) -> float:
        """Return the seconds of training between a save that took `cost` seconds and the next.

        A kill loses up to that much, so it is bounded: a save of all ranks takes several times as long as one of one.
        """
        share, self._has_paused = SHARE if self._has_paused else FIRST_SHARE, True
        return min(cost / share, max(MOST_SECONDS, cost / MOST_SHARE))

    def save_last(self, tree: Any, *, step: int, epoch: int, best: Any | None, best_epoch: int) -> bool:
        """Save the run as it is, with its best epoch if that is new."""
        tree, self.due_now = self._with_generators(tree), False
        written = self._in_parts([tree, best], LAST, step)
        if written is None:
            return self._told(False)
        tree, best = written
        saved = self._leads and super().save_last(tree, step=step, epoch=epoch, best=best, best_epoch=best_epoch)
        return self._told(saved, last=(step, epoch))

    def save(self, name: str, tree: Any, *, step: int, epoch: int, cause: AnyCommand | None = None) -> bool:
        """Save under a name."""
        written = self._in_parts([self._with_generators(tree)], name, step)
        return self._told(
            written is not None and self._leads and super().save(name, written[0], step=step, epoch=epoch, cause=cause)
        )

    def save_best(self, tree: Any, *, step: int, epoch: int) -> bool:
        """Save a new best epoch without `last`."""
        written = self._in_parts([tree], BEST, step)
        return self._told(written is not None and self._leads and super().save_best(written[0], step=step, epoch=epoch))

    def load(self, name: str) -> Any:
        """Return the contents of a checkpoint: on every rank, or on none."""
        tree, problem = None, ""
        try:
            tree = super().load(name)
        except BadCheckpoint as error:
            problem = str(error)
        problems = self.channel.exchange(problem)
        for rank, told in enumerate(problems):
            if told:
                raise BadCheckpoint(f"{told} (rank {rank})" if rank else told)
        return tree

    def keep_epoch(self, epoch: int) -> None:
        """Keep the `last` just saved under a name of its own."""
        if self._leads:
            super().keep_epoch(epoch)

    @property
    def _leads(self) -> bool:
        return self.channel.rank == 0

    def _in_parts(self, trees: list[Any], name: str, step: int) -> list[Any] | None:
        """Write the sharded tensors of trees. Returns the rest of each; None, with the error published, if that fails.

        Every rank writes its parts. A run that is not sharded has none.
        """
        try:
            if self._leads:
                self._claim()
            written = [write_shards(self.channel, self._directory, tree, step) if tree else tree for tree in trees]
            self._in_folders = SHARDED in written[0]
            return written
        except OSError as error:
            if self._leads:
                self._failed(f"checkpoint {name}", error, step)
            return None

    def _told(self, saved: bool, last: tuple[int, int] | None = None) -> bool:
        """Return on every rank whether rank 0 has written; also a file that is read next is complete then."""
        if self._leads and self._in_folders:
            remove_unnamed(self._directory)
        saved = self.channel.broadcast(b"1" if saved else b"0") == b"1"
        if saved and last is not None:
            self.last = last
        return saved

    def _with_generators(self, tree: Any) -> Any:
        """Return the tree with the generators of every rank."""
        states = self.channel.exchange({name: state.tolist() for name, state in tree.get("rng", {}).items()})
        if not self._leads:
            return tree
        generators = [{name: torch.tensor(state, dtype=torch.uint8) for name, state in each.items()} for each in states]
        return {**tree, RANKS: {"count": self.channel.size, "rng": generators}}
