"""The learning rate of one of several optimizers."""

from __future__ import annotations

from tui_trainer.engine.commands.answers import Refusal, publish_change, refuse_unchanged
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.steps.schedule import apply_schedule
from tui_trainer.engine.train_state import TrainState
from tui_trainer.protocol import commands as cmd
from tui_trainer.text import number


def set_rate_of_one(state: TrainState, services: LoopServices, command: cmd.SetLearningRate) -> None:
    """Set the rate of one of several optimizers; the rates of the others stay, and each keeps its shape."""
    optimizer, name = services.optimizer, command.optimizer
    previous = optimizer.rate_of(name)
    if previous == command.value or command.factor == 1.0:
        refuse_unchanged(state, command, f"the learning rate of {name} is {number(previous)}")
    if previous <= 0:
        raise Refusal(f"the present learning rate of {name} is 0: set it once it is above 0")
    factor = command.factor if command.factor is not None else (command.value or previous) / previous
    of_plan = optimizer.scale(name, factor)
    if of_plan != 1.0:
        state.plan = state.plan.with_factor(of_plan, state.step, services.early_stopper.watched)
    apply_schedule(state, services)
    publish_change(state, services, command, f"lr/{name}", previous, optimizer.rate_of(name), state.plan)
