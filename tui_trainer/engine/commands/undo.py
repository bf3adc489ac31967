"""Undo: a snapshot of the run is kept from just before each command that changes the training."""

from __future__ import annotations

from tui_trainer.engine.checkpointing.snapshot import restore_snapshot, take_snapshot
from tui_trainer.engine.events.run_events import publish_status
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import TrainState, UndoEntry
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

INTERVENTIONS = (
    cmd.SetLearningRate, cmd.SetScheduler, cmd.SetOptimizer, cmd.SetClip, cmd.SetPatience, cmd.SetEpochs, cmd.RollBack,
)  # fmt: skip
"""Commands that are undone by going back to a snapshot; a stop at the end of the epoch is undone without."""
MAX_ENTRIES = 16
MAX_BYTES = 1 << 30
"""Most bytes of all snapshots together; the oldest are dropped first, the newest is always kept."""


def remember(state: TrainState, services: TrainingServices, command: cmd.AnyCommand) -> bool:
    """Make a command undoable before it is applied. Returns False if it is one that cannot be undone."""
    if isinstance(command, cmd.Stop) and command.when == "epoch":
        _push(state, UndoEntry(command, None, ending=state.ending))
        return True
    if not isinstance(command, INTERVENTIONS):
        return False
    _push(state, UndoEntry(command, take_snapshot(state, services)))
    return True


def forget(state: TrainState) -> None:
    """Drop the newest entry, whose command was refused."""
    state.undo_stack.pop()


def undo(state: TrainState, services: TrainingServices, command: cmd.Undo) -> None:
    """Go back to just before the newest intervention, and continue from there without it."""
    entry = state.undo_stack.pop()
    if entry.snapshot is None:
        state.ending = entry.ending
        status = "paused" if state.paused else "running" if entry.ending is None else "stopping"
        publish_status(state, services, status, "the stop was undone", command)
        return
    from_step = state.step
    restore_snapshot(state, services, entry.snapshot)
    stopping = services.early_stopper.stopping
    services.events.publish(
        ev.RolledBack(
            to=" ".join(entry.command.cli_names()[0].split("-")),
            from_epoch=state.epoch,
            step=state.step,
            cause=command,
            restored=ev.Restored(
                from_step=from_step,
                undid=entry.command.id,
                seconds=state.seconds,
                epochs=state.epochs,
                lr=state.lr,
                clip_grad_norm=state.clip,
                patience=stopping.patience,
                min_delta=stopping.min_delta,
                early_stopping=stopping.enabled,
                bad_epochs=services.early_stopper.bad_epochs,
                plan=state.plan,
                optimizer=services.optimizer.description,
                best=services.early_stopper.best,
            ),
        )
    )


def _push(state: TrainState, newest: UndoEntry) -> None:
    stack = state.undo_stack
    stack.append(newest)
    while len(stack) > MAX_ENTRIES or (len(stack) > 1 and sum(map(_bytes, stack)) > MAX_BYTES):
        stack.pop(0)


def _bytes(entry: UndoEntry) -> int:
    return entry.snapshot.bytes if entry.snapshot is not None else 0
