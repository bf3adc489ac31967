"""Files of each rank beside the checkpoint of rank 0, and their reading.

Rank 0 writes models, optimizers and what is kept. Another rank writes a small file of its own: its generators, its
place in the data, its columns, and what it keeps, as far as that is small.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tui_trainer.distributed.files import ranks_dir
from tui_trainer.engine.checkpointing.checkpointer import Checkpointer
from tui_trainer.engine.checkpointing.file_format import SUFFIX, BadCheckpoint, load, save
from tui_trainer.engine.checkpointing.state_tree import size_of
from tui_trainer.engine.ranks.checkpointer import RANKS
from tui_trainer.monitor.ranks.store_channel import Parted
from tui_trainer.monitor.ranks.together import Together
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import SavingFailed

SMALL = 1 << 20
"""Bytes of the largest object in `keep` that each rank saves for itself; of a larger one that of rank 0 is saved."""
LAST = "last"
_OWN = ("rng", "generator", "loader")


def rank_file(folder: Path, name: str, rank: int) -> Path:
    """Return the file of a rank beside a checkpoint."""
    return ranks_dir(folder) / f"{name}-{rank}{SUFFIX}"


def own_state(tree: dict[str, Any], size: int) -> dict[str, Any]:
    """Return what a rank saves of its state."""
    kept = {name: state for name, state in tree["kept"].items() if size_of(state) <= SMALL}
    columns = tree["progress"].get("columns", {})
    return {"step": tree["step"], "count": size, "kept": kept, "columns": columns, **{key: tree[key] for key in _OWN}}


def with_own_state(tree: dict[str, Any], folder: Path, name: str, rank: int, size: int) -> tuple[dict[str, Any], str]:
    """Return the tree of rank 0 with what this rank has saved itself, and what is missing for that, in words."""
    try:
        own = load(rank_file(folder, name, rank))
        if own["step"] != tree["step"] or own["count"] != size:
            raise BadCheckpoint(f"it is of step {own['step']} and {own['count']} processes")
        kept, columns = {**tree["kept"], **own["kept"]}, own["columns"]
        found = {**tree, **{key: own[key] for key in _OWN}, "kept": kept}
    except (BadCheckpoint, LookupError, TypeError):
        none = {"rng": None, "generator": tree["generator"], "loader": None}
        return {**tree, **none}, f"the generators of rank {rank} were not saved with it"
    return {**found, "progress": {**tree["progress"], "columns": columns}}, ""


class LeadingCheckpointer(Checkpointer):
    """The checkpointer of rank 0: a save by time is due with a beat, on all ranks at one step."""

    together: Together

    def due(self, seconds: float) -> bool:
        """Return False: `due_by_time` decides, in the beat."""
        del seconds
        return False

    def due_by_time(self, seconds: float) -> bool:
        """Return whether the run should be saved after `seconds` of training."""
        return super().due(seconds)

    def save_last(self, tree: Any, *, step: int, epoch: int, best: Any | None, best_epoch: int) -> bool:
        """Save the run as it is, with the number of ranks."""
        counted = {**tree, RANKS: {"count": self.together.size}} if self.together.met else tree
        return super().save_last(counted, step=step, epoch=epoch, best=best, best_epoch=best_epoch)

    def load(self, name: str) -> Any:
        """Return the contents of a checkpoint, and tell the others that it is complete. Raises `BadCheckpoint`."""
        try:
            tree = super().load(name)
        except BadCheckpoint as error:
            self.together.say_loaded(str(error))
            raise
        self.together.say_loaded("")
        return tree


class FollowingCheckpointer(Checkpointer):
    """The checkpointer of another rank, which writes its own small file."""

    together: Together

    def due(self, seconds: float) -> bool:
        """Return False: rank 0 decides."""
        del seconds
        return False

    def save_last(self, tree: Any, *, step: int, epoch: int, best: Any | None, best_epoch: int) -> bool:
        """Save what is this rank's own."""
        del best, best_epoch
        self.last = step, epoch
        return self._save_own(LAST, tree, step)

    def save(self, name: str, tree: Any, *, step: int, epoch: int, cause: AnyCommand | None = None) -> bool:
        """Save what is this rank's own under a name."""
        del epoch, cause
        return self._save_own(name, tree, step)

    def save_best(self, tree: Any, *, step: int, epoch: int) -> bool:
        """Do nothing: rank 0 saves the best epoch."""
        del tree, step, epoch
        return True

    def keep_epoch(self, epoch: int) -> None:
        """Do nothing: rank 0 keeps it."""

    def load(self, name: str) -> Any:
        """Return the contents of a checkpoint, once rank 0 has read it. Raises `BadCheckpoint`."""
        together = self.together
        try:
            problem = together.wait_for_load()
        except Parted as parted:
            together.part(str(parted))
            raise BadCheckpoint(str(parted)) from None
        if problem:
            raise BadCheckpoint(problem)
        try:
            tree = super().load(name)
        except BadCheckpoint as error:
            together.part(f"rank {together.rank} cannot read checkpoint {name}: {error}")
            raise
        return with_own_state(tree, self._directory.parent, name, together.rank, together.size)[0]

    def _save_own(self, name: str, tree: Any, step: int) -> bool:
        path = rank_file(self._directory.parent, name, self.together.rank)
        try:
            path.parent.mkdir(exist_ok=True)
            save(path, own_state(tree, self.together.size))
        except OSError as error:
            self._publish(SavingFailed(what=f"checkpoint {name}", error=error.strerror or str(error), step=step))
            return False
        return True
