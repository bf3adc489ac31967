"""Resuming a run from its last checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tui_trainer.engine.checkpointing import snapshot
from tui_trainer.engine.checkpointing.checkpointer import find_best, find_last
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.errors import UserError


@dataclass(slots=True)
class RestoredTrainer:
    """The checkpoint that a run was restored from.

    Attributes:
        reached: bytes of the journal that belong to it; later ones are of events after the checkpoint.
        messages: lines for the log.
    """

    reached: int = 0
    messages: list[str] = field(default_factory=list[str])


def restore_last(state: TrainState, services: LoopServices, directory: Path) -> RestoredTrainer:
    """Restore a run that was just set up from its newest intact checkpoint. Writes and publishes nothing.

    Torn or altered checkpoints are skipped. Without any checkpoint the run starts from the beginning.

    Raises:
        UserError: the checkpoint belongs to another model or optimizer than the configuration describes.
    """
    tree, problems = find_last(directory)
    restored = RestoredTrainer(messages=[f"checkpoint skipped: {problem}" for problem in problems])
    if tree is None:
        restored.messages.append("no checkpoint: the run starts from the beginning")
        return restored
    try:
        snapshot.load_state_dict(state, services, tree)
        restored.reached = int(tree["journal"].get("bytes", 0))
    except snapshot.INCOMPATIBLE_STATE as error:
        reason = snapshot.in_one_line(error)
        raise UserError(f"{directory}: the checkpoint does not fit the run's configuration: {reason}") from None
    best = services.early_stopper.best
    if best is not None:
        # The host may have died before the best epoch took its name: then it has to be saved again.
        state.best_weights, state.best_is_saved = find_best(directory, best.step)
        if state.best_weights is None:
            restored.messages.append(f"the weights of the best epoch ({best.epoch}) are not on disk")
    restored.messages.append(f"resumed at step {state.step} (epoch {state.epoch})")
    return restored
