"""The answers that several command handlers give: a refusal, and a setting that was changed."""

from __future__ import annotations

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev


class Refusal(Exception):
    """The reason why a command cannot be applied."""


class Unchanged(Refusal):
    """The refusal of a command that changes nothing."""


def refuse_unchanged(state: TrainState, command: cmd.AnyCommand, present: str) -> None:
    """Refuse a command that changes nothing, unless it is applied again: as it was recorded, it did something."""
    if not command.id or command.id not in state.scripted:
        raise Unchanged(f"nothing changed: {present}")


def publish_change(
    state: TrainState,
    services: LoopServices,
    command: cmd.AnyCommand,
    name: str,
    previous: float,
    value: float,
    plan: LrPlan | None = None,
) -> None:
    """Publish a setting that a command changed, with its value before."""
    services.events.publish(
        ev.SettingChanged(name=name, value=value, previous=previous, plan=plan, step=state.step, cause=command)
    )


def refuse_wheel(_state: TrainState, _services: LoopServices, _command: cmd.AnyCommand) -> None:
    """Refuse: the host gives and takes the wheel, and no run of it does."""
    raise Refusal("only a live host has a wheel")


def refuse_at_end(state: TrainState, services: LoopServices) -> None:
    """Refuse what waits for a batch, where none will come."""
    if state.stops_now:
        raise Refusal("the run is stopping")
    if services.ends_by_epochs and state.epoch >= state.epochs:
        raise Refusal("all epochs are trained: make the run longer first")
