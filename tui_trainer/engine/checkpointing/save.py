"""Saving a run: when it is due, and what belongs together."""

from __future__ import annotations

from time import perf_counter

from tui_trainer.engine.checkpointing.snapshot import state_dict
from tui_trainer.engine.events.flush import check_weights
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState


def save_run(state: TrainState, services: LoopServices) -> None:
    """Save the run as it is, and its best epoch if that is not on disk yet. Does nothing without a run directory.

    A run that is no longer finite is not saved: it ends, and the checkpoint before it stays.
    """
    checkpointer = services.checkpointer
    if checkpointer is None:
        return
    began = perf_counter()
    if check_weights(state, services):
        return
    tree = state_dict(state, services) | {"journal": checkpointer.mark_journal()}
    best = services.early_stopper.best
    new_best = None if state.best_is_saved and checkpointer.has_best else state.best_weights
    best_epoch = best.epoch if best is not None else 0
    if checkpointer.save_last(tree, step=state.step, epoch=state.epoch, best=new_best, best_epoch=best_epoch):
        state.best_is_saved = True
        if state.position == 0:
            checkpointer.keep_epoch(state.epoch)
    checkpointer.plan_next(state.timer.read(), began)


def save_best(state: TrainState, services: LoopServices) -> None:
    """Save the best epoch alone, if it is not on disk yet."""
    best, weights, checkpointer = services.early_stopper.best, state.best_weights, services.checkpointer
    if checkpointer is not None and best is not None and weights is not None and not state.best_is_saved:
        state.best_is_saved = checkpointer.save_best(weights, step=best.step, epoch=best.epoch)


def step_save_is_due(state: TrainState, services: LoopServices) -> bool:
    """Return whether `checkpoints.every_steps` asks for a save after this step."""
    every = services.checkpoints.every_steps
    return every > 0 and state.step % every == 0


def save_is_due(state: TrainState, services: LoopServices) -> bool:
    """Return whether the run has to be saved after this step, by steps or by time."""
    checkpointer = services.checkpointer
    if checkpointer is None:
        return False
    return step_save_is_due(state, services) or checkpointer.due(state.timer.read())


def epoch_save_is_due(state: TrainState, services: LoopServices) -> bool:
    """Return whether the run has to be saved at the end of this epoch."""
    every = services.checkpoints.every_epochs
    return (every > 0 and state.epoch % every == 0) or save_is_due(state, services)
