"""The state dict of a training as a tree of tensors and plain values: for checkpoints, roll-backs and resuming."""

from __future__ import annotations

import torch

from tui_trainer.components.early_stopping import EarlyStopping
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.engine.checkpointing.state_tree import size_of
from tui_trainer.engine.events.flush import flush
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.steps.schedule import apply_schedule
from tui_trainer.engine.train_state import PLANNED_PAUSE, Snapshot, StateTree, TrainState, ending_of
from tui_trainer.protocol.commands import COMMANDS, Stop

COPIES = "copies"
"""Key of the copies of the run that guards go back to."""
INCOMPATIBLE_STATE = (LookupError, ValueError, TypeError, ArithmeticError, RuntimeError, AttributeError)
"""Errors that loading a tree of another model, optimizer or version raises."""


def in_one_line(error: Exception) -> str:
    """Return the message of an error in one line of at most 200 characters."""
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


def model_state_dict(state: TrainState, services: LoopServices) -> StateTree:
    """Return the state of the model and its optimizer; the tensors are the live ones."""
    return {**services.model_state_dict(), "epoch": state.epoch, "step": state.step}


def load_model_state_dict(state: TrainState, services: LoopServices, tree: StateTree) -> str:
    """Load what `model_state_dict` returned; step and epoch stay, and so do the settings of the optimizer in force.

    Returns:
        in words, what of the optimizer's state did not fit the one in force; empty if all did.
    """
    unfit = services.load_model_state_dict(tree)
    apply_schedule(state, services)
    return unfit


def state_dict(state: TrainState, services: LoopServices) -> StateTree:
    """Return everything that the rest of the run depends on; the tensors are the live ones."""
    ending, recorder = state.ending, services.recorder
    stop_at_epoch_end = ending.cause if ending is not None and ending.when == "epoch" and not state.finishing else None
    # Commands that wait while the run ends are refused, so a resumed run must not find them again.
    pending = [] if state.finishing else services.commands.pending()
    return {
        **model_state_dict(state, services),
        "progress": {
            "position": state.position,
            "seconds": state.timer.read(),
            "epochs": state.epochs,
            "clip": state.clip,
            "plan": state.plan.model_dump(mode="json"),
            "judge": services.early_stopper.state_dict(),
            "metrics": state.last_metrics,
            "epoch_loss": recorder.epoch_loss,
            "epoch_samples": recorder.epoch_samples,
            **({"counters": counters} if (counters := recorder.step_log.state_dict()) else {}),
            **services.progress_state_dict(),
            "diagnosis": services.diagnosis.dump(),
            **({"guards": state.guards.state_dict()} if len(state.guards) else {}),
            **({"skip_at": state.skip_at} if state.skip_at == state.step else {}),
            # A pause ends with the run: if it is made longer later, it must not wait for a resume command.
            "paused": state.paused and not state.finishing,
            "steps_allowed": state.steps_allowed if state.paused and not state.finishing else 0,
            "pending": [command.model_dump(mode="json") for command in pending],
            "script": [
                [step, command.model_dump(mode="json")]
                for step, command in state.script
                if not (state.finishing and command.id == PLANNED_PAUSE)
            ],
            "stop_at_epoch_end": stop_at_epoch_end.model_dump(mode="json") if stop_at_epoch_end is not None else None,
        },
        **services.parts_state_dict(state.step),
        **({COPIES: state.guards.copies_state_dict()} if state.guards.copies else {}),
    }


def load_state_dict(state: TrainState, services: LoopServices, tree: StateTree, *, commands: bool = True) -> None:
    """Continue from what `state_dict` returned: every later number is the one of the run without a break.

    Args:
        commands: whether to load the commands that waited, the script, a pause and the diagnosis too.

    Raises:
        one of `INCOMPATIBLE_STATE`: the tree belongs to another model, optimizer or version.
    """
    progress = tree["progress"]
    state.epochs, state.clip = int(progress["epochs"]), float(progress["clip"])
    state.step, state.epoch, state.position = int(tree["step"]), int(tree["epoch"]), int(progress["position"])
    state.plan = LrPlan.model_validate(progress["plan"])
    services.early_stopper.load_state_dict(progress["judge"])
    state.last_metrics = dict(progress["metrics"])
    services.recorder.load_epoch(float(progress["epoch_loss"]), progress["epoch_samples"])
    services.recorder.step_log.load_state_dict(progress.get("counters", {}))
    state.timer.set(float(progress["seconds"]))
    services.load_parts_state_dict(tree)
    apply_schedule(state, services)
    state.skip_at = int(progress.get("skip_at", -1))
    if not commands:
        return
    if "guards" in progress:
        state.guards.load_state_dict(progress["guards"])
        state.guards.load_copies(tree.get(COPIES, []))
    if "diagnosis" in progress:
        services.diagnosis.load(progress["diagnosis"])
    state.paused, state.steps_allowed = bool(progress["paused"]), int(progress.get("steps_allowed", 0))
    state.follow([(int(step), COMMANDS.validate_python(command)) for step, command in progress.get("script", [])])
    stop = COMMANDS.validate_python(planned) if (planned := progress["stop_at_epoch_end"]) is not None else None
    if isinstance(stop, Stop) and state.paused:
        state.ending = ending_of(state, stop)  # the command would end the pause that came after it
    elif stop is not None:
        services.commands.put(stop)
    for command in progress["pending"]:
        services.commands.put(COMMANDS.validate_python(command))


def take_snapshot(state: TrainState, services: LoopServices) -> Snapshot | None:
    """Copy everything that decides the next step. Publishes buffered measurements first.

    Returns:
        None where the copy would be larger than the loop allows, or than what is free of the device's memory.
    """
    flush(state, services)
    tree = state_dict(state, services)
    tree.pop(COPIES, None)  # they are never written to: the snapshot shares them
    size = size_of(tree)
    if services.snapshot_limit is not None and size > services.snapshot_limit:
        return None
    copies = state.guards.kept_copies()
    try:
        copied = services.copied(tree)
    except torch.OutOfMemoryError:  # the training itself fits, and goes on
        return None
    return Snapshot(copied, state.best_weights, state.best_is_saved, size, copies)


def restore_snapshot(state: TrainState, services: LoopServices, snapshot: Snapshot) -> None:
    """Go back to a snapshot of this run: the steps that follow have the same bits as those that followed it before.

    Buffered measurements are dropped; waiting commands, the script, a pause and the diagnosis stay as they are. The
    loop has to begin the batches of the epoch again, at `state.position`. In a loop that does not rewind, weights and
    settings are those of the snapshot, and step, epoch and batches go on.
    """
    if not services.rewinds:
        _restore_in_place(state, services, services.copied(snapshot.tree))
        _rewind_guards(state, snapshot)
        return
    best_before = services.early_stopper.best
    load_state_dict(state, services, services.copied(snapshot.tree), commands=False)
    # The best epoch on disk may be one that came after the snapshot.
    state.best_weights = snapshot.best_weights
    state.best_is_saved = snapshot.best_is_saved and services.early_stopper.best == best_before
    _rewind_guards(state, snapshot)
    services.use_rng()
    state.rewound = True


def _restore_in_place(state: TrainState, services: LoopServices, tree: StateTree) -> None:
    progress = tree["progress"]
    state.epochs, state.clip = int(progress["epochs"]), float(progress["clip"])
    state.plan = LrPlan.model_validate(progress["plan"])
    services.early_stopper.stopping = EarlyStopping.model_validate(progress["judge"]["stopping"])
    services.load_parts_state_dict(tree)
    apply_schedule(state, services)


def _rewind_guards(state: TrainState, snapshot: Snapshot) -> None:
    """Let the guards forget what came after a snapshot."""
    state.guards.rewind(snapshot.tree["progress"].get("guards", ()))
    state.guards.restore_copies(snapshot.copies)
