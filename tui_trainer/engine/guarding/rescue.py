"""A loss that is not finite, and a guard that takes the run back before its next step."""

from __future__ import annotations

from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.protocol.commands import GUARD, AnyCommand, RollBack


def is_rescued(state: TrainState, services: LoopServices) -> bool:
    """Return whether a roll-back of a guard waits, so that weights which broke do not end the run.

    In a replay it stands in the script, at this step or at a later one: the run that is replayed went on until then.
    """
    return any(map(_goes_back, services.commands.pending())) or any(_goes_back(command) for _, command in state.script)


def _goes_back(command: AnyCommand) -> bool:
    return isinstance(command, RollBack) and command.by == GUARD
