"""Going on from the last checkpoint of a run."""

from __future__ import annotations

from pathlib import Path

from tui_trainer.engine import progress
from tui_trainer.engine.saving import find_best, find_last
from tui_trainer.engine.trainer import Trainer
from tui_trainer.errors import UserError


def restore_last(trainer: Trainer, directory: Path) -> int:
    """Bring a trainer that was just set up to its newest whole checkpoint; returns how far its journal then reaches.

    Where no checkpoint was ever finished the run begins anew. What was torn or altered is passed over, and said.

    Raises:
        UserError: the checkpoint belongs to another model or optimizer than the configuration describes.
    """
    tree, wrong = find_last(directory)
    for problem in wrong:
        trainer.log(f"checkpoint passed over: {problem}")
    if tree is None:
        trainer.log("no checkpoint: the run begins anew")
        return 0
    try:
        progress.restore(trainer, tree)
        reached = int(tree["journal"].get("bytes", 0))
    except progress.MISFITS as error:
        why = progress.in_a_line(error)
        raise UserError(f"{directory}: the checkpoint does not fit the run's configuration: {why}") from None
    best = trainer.judge.best
    if best is not None:
        # A crash may have come before the best epoch took its name: then it is saved once more.
        trainer.best_weights, trainer.best_is_saved = find_best(directory, best.step)
        if trainer.best_weights is None:
            trainer.log(f"the weights of the best epoch ({best.epoch}) are not on disk any more")
    trainer.log(f"resumed at step {trainer.step} (epoch {trainer.epoch})")
    return reached
