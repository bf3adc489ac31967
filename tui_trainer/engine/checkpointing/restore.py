"""Going on from the last checkpoint of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tui_trainer.engine.checkpointing import snapshot
from tui_trainer.engine.checkpointing.checkpointer import find_best, find_last
from tui_trainer.engine.trainer import Trainer
from tui_trainer.errors import UserError


@dataclass(slots=True)
class RestoredTrainer:
    """Where a trainer was brought to.

    Attributes:
        reached: bytes of the journal that belong to it; what comes after them happened later.
        words: what is to be said about it, a line each.
    """

    reached: int = 0
    words: list[str] = field(default_factory=list[str])


def restore_last(trainer: Trainer, directory: Path) -> RestoredTrainer:
    """Bring a trainer that was just set up to its newest whole checkpoint. Nothing is written or said yet.

    Where no checkpoint was ever finished the run begins anew. What was torn or altered is passed over.

    Raises:
        UserError: the checkpoint belongs to another model or optimizer than the configuration describes.
    """
    tree, wrong = find_last(directory)
    resumed = RestoredTrainer(words=[f"checkpoint passed over: {problem}" for problem in wrong])
    if tree is None:
        resumed.words.append("no checkpoint: the run begins anew")
        return resumed
    try:
        snapshot.restore(trainer, tree)
        resumed.reached = int(tree["journal"].get("bytes", 0))
    except snapshot.MISFITS as error:
        why = snapshot.in_a_line(error)
        raise UserError(f"{directory}: the checkpoint does not fit the run's configuration: {why}") from None
    best = trainer.judge.best
    if best is not None:
        # A crash may have come before the best epoch took its name: then it is saved once more.
        trainer.best_weights, trainer.best_is_saved = find_best(directory, best.step)
        if trainer.best_weights is None:
            resumed.words.append(f"the weights of the best epoch ({best.epoch}) are not on disk any more")
    resumed.words.append(f"resumed at step {trainer.step} (epoch {trainer.epoch})")
    return resumed
