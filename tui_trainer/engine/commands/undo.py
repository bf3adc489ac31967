"""Undo and redo: snapshots of the run from just before each command that changes the training, and from each undo."""

from __future__ import annotations

from tui_trainer.engine.checkpointing.snapshot import restore_snapshot, take_snapshot
from tui_trainer.engine.events.run_events import publish_status
from tui_trainer.engine.guarding.firing import guard_of, same_firing
from tui_trainer.engine.guarding.guard_commands import arm_redone, disarm_undone
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import RedoEntry, Snapshot, TrainState, UndoEntry, ending_of
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

MAX_ENTRIES = 16
MAX_BYTES = 1 << 30
"""Most bytes of all snapshots together; the oldest are dropped first, the newest undo and redo are always kept."""


def remember(state: TrainState, services: LoopServices, command: cmd.AnyCommand) -> bool:
    """Make a command undoable before it is applied. Returns False if it is one that cannot be undone."""
    if not cmd.is_intervention(command):
        return False
    if isinstance(command, cmd.Stop):  # undone without going back
        state.undo_stack.append(UndoEntry(command, None, ending=state.ending))
    else:
        snapshot = take_snapshot(state, services)
        state.undo_stack.append(UndoEntry(command, snapshot, too_large=snapshot is None))
    _trim(state)
    return True


def forget(state: TrainState) -> None:
    """Drop the newest entry, whose command was refused."""
    state.undo_stack.pop()


def undo(state: TrainState, services: LoopServices, command: cmd.Undo) -> None:
    """Go back to just before the newest intervention, and continue from there without it."""
    entry = _newest(state)
    guard = guard_of(entry.command)
    if entry.snapshot is None:
        state.redo_stack.append(RedoEntry(entry, None))
        state.ending = entry.ending
        status = "paused" if state.paused else "running" if entry.ending is None else "stopping"
        publish_status(state, services, status, "the stop was undone", command)
        return
    from_step = state.step
    if state.fork is not None and any(entry is kept for kept in state.fork.undo_stack):
        state.fork = None  # the race began in a past that is left
    if (here := take_snapshot(state, services)) is not None:  # without a copy of here there is no way back
        state.redo_stack.append(RedoEntry(entry, here))
    _trim(state)
    restore_snapshot(state, services, entry.snapshot)
    _publish_restored(state, services, entry.command, from_step, command, entry.snapshot)
    if guard:
        disarm_undone(state, services, guard)


def _newest(state: TrainState) -> UndoEntry:
    """Take the newest entry off the stack; of the commands of one firing of a guard, the first."""
    entry = state.undo_stack.pop()
    while state.undo_stack and same_firing(entry.command, state.undo_stack[-1].command):
        entry = state.undo_stack.pop()
    return entry


def redo(state: TrainState, services: LoopServices, command: cmd.Redo) -> None:
    """Go to where the newest undo was asked for, and continue from there as if it had not been."""
    entry = state.redo_stack.pop()
    undone = entry.undone
    if entry.snapshot is None and isinstance(undone.command, cmd.Stop):
        state.undo_stack.append(UndoEntry(undone.command, None, ending=state.ending))
        state.ending = ending_of(state, undone.command)
        status = "paused" if state.paused else "stopping"
        publish_status(state, services, status, f"the stop is planned again: {state.detail}", command)
        return
    assert entry.snapshot is not None
    from_step = state.step
    restore_snapshot(state, services, entry.snapshot)
    state.undo_stack.append(undone)
    _trim(state)
    _publish_restored(state, services, undone.command, from_step, command, entry.snapshot)
    if guard := guard_of(undone.command):
        arm_redone(state, services, guard)


def _publish_restored(
    state: TrainState,
    services: LoopServices,
    intervention: cmd.AnyCommand,
    from_step: int,
    command: cmd.Undo | cmd.Redo,
    snapshot: Snapshot,
) -> None:
    """Publish the settings in force after an undo or a redo of an intervention."""
    services.events.publish(
        ev.RolledBack(
            to=_words_of(intervention),
            from_epoch=state.epoch,
            saved_at=None if services.rewinds else int(snapshot.tree["step"]),
            step=state.step,
            cause=command,
            restored=restored_settings(
                state, services, from_step, intervention.id, redone=isinstance(command, cmd.Redo)
            ),
        )
    )


def _words_of(intervention: cmd.AnyCommand) -> str:
    """Return what an intervention was, in words: "set lr", "set knob entropy"."""
    words = intervention.cli_names()[0].replace("-", " ")
    return f"{words} {intervention.name}" if isinstance(intervention, cmd.SetKnob | cmd.RunAction) else words


def restored_settings(
    state: TrainState, services: LoopServices, from_step: int, undid: str, *, redone: bool = False
) -> ev.Restored:
    """Return the settings in force, after the run went from `from_step` to another step."""
    early_stopper = services.early_stopper
    stopping = early_stopper.stopping
    return ev.Restored(
        from_step=from_step,
        undid=undid,
        redone=redone,
        seconds=state.seconds,
        epochs=state.epochs,
        lr=state.lr,
        clip_grad_norm=state.clip,
        patience=stopping.patience,
        min_delta=stopping.min_delta,
        early_stopping=stopping.enabled,
        bad_epochs=early_stopper.bad_epochs,
        plan=state.plan,
        optimizer=services.optimizer.description,
        best=early_stopper.best,
        knobs=dict(services.knobs),
    )


def _trim(state: TrainState) -> None:
    """Drop the oldest snapshots beyond the limits: those of redos first, which are the furthest from the present."""
    undos, redos = state.undo_stack, state.redo_stack
    del undos[:-MAX_ENTRIES], redos[:-MAX_ENTRIES]
    while len(redos) > 1 and _bytes(state) > MAX_BYTES:
        redos.pop(0)
    while len(undos) > 1 and _bytes(state) > MAX_BYTES:
        undos.pop(0)


def fits(state: TrainState) -> bool:
    """Return whether all snapshots together stay within the limit, once the oldest are dropped."""
    _trim(state)
    return _bytes(state) <= MAX_BYTES


def _bytes(state: TrainState) -> int:
    snapshots: list[Snapshot | None] = [entry.snapshot for entry in state.undo_stack]
    for entry in state.redo_stack:
        snapshots += [entry.snapshot, entry.undone.snapshot]
    if state.fork is not None:
        snapshots.append(state.fork.snapshot)
    return sum(snapshot.bytes for snapshot in snapshots if snapshot is not None)
