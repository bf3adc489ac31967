"""The roll-back to a checkpoint, or to a copy in memory that a guard keeps."""

from __future__ import annotations

from tui_trainer.engine.checkpointing.file_format import BadCheckpoint
from tui_trainer.engine.checkpointing.snapshot import (
    INCOMPATIBLE_STATE,
    in_one_line,
    load_model_state_dict,
    model_state_dict,
)
from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev


def roll_back(state: TrainState, services: LoopServices, command: cmd.RollBack) -> None:
    """Load the weights and the optimizer state of a checkpoint; step and epoch count on."""
    name = command.to
    if command.steps is not None:
        kept = state.guards.copies.get(command.steps) or next(
            (copies for reach, copies in state.guards.copies.items() if reach >= command.steps), None
        )
        copy = kept.at_least(command.steps, state.step) if kept is not None else None
        if copy is None:
            raise Refusal(f"no copies of the last {command.steps:,} steps are kept: arm a guard that rolls back so far")
        tree, name = copy.tree, f"step-{copy.step}"
    elif command.to == "best":
        if state.best_weights is None:
            raise Refusal("nothing to roll back to yet: no epoch has been validated")
        tree = state.best_weights
    elif services.checkpointer is not None:
        try:
            tree = services.checkpointer.load(command.to)
        except BadCheckpoint as error:
            raise Refusal(f"no checkpoint to roll back to: {error}") from None
    else:
        raise Refusal("this run has no directory to roll back from")
    before = services.copied(model_state_dict(state, services))
    try:
        epoch, saved_at = int(tree["epoch"]), int(tree["step"])
        unfit = load_model_state_dict(state, services, tree)
        if services.first_broken() is not None:
            raise ValueError("its weights are not finite")
    except INCOMPATIBLE_STATE as error:  # the file may be any file that a user put there
        load_model_state_dict(state, services, before)
        raise Refusal(f"checkpoint {name} does not fit this run: {in_one_line(error)}") from None
    state.guards.left_behind(saved_at)
    services.events.publish(ev.RolledBack(to=name, from_epoch=epoch, saved_at=saved_at, step=state.step, cause=command))
    if unfit:
        services.events.log(f"roll back: {unfit}", state.step)
