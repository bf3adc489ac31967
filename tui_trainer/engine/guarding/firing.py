"""Evaluate guards at a boundary of the loop, and turn a firing into commands."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, SupportsFloat

from torch import Tensor

from tui_trainer.engine.checkpointing.snapshot import model_state_dict
from tui_trainer.engine.checkpointing.state_tree import size_of
from tui_trainer.engine.guarding.copies import RecentCopy
from tui_trainer.engine.guarding.guard_set import SPENT, Guard
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.guards.rule import Action, GoBack, NoteAction, Setting, Simple, SkipAction
from tui_trainer.guards.watch import Firing, Measurements
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

if TYPE_CHECKING:
    from tui_trainer.engine.services import TrainingServices


def after_step(state: TrainState, services: LoopServices, values: Mapping[str, float]) -> None:
    """Let the guards look at the values of the step just taken; the commands of those that fire are queued.

    They take effect before the next step, as all commands do. Copies to go back to are taken here too.
    """
    measured = Measurements("steps", state.step, state.epoch, values)
    if not _fire(state, services, [guard for guard in state.guards if guard.on and not guard.rule.skips], measured):
        keep_copies(state, services)


def watch_step(state: TrainState, services: TrainingServices, norm: Tensor | None) -> None:
    """Let the guards look at the step that a trainer has just taken, before its loss can end the run.

    Args:
        norm: the gradient norm, where the step has measured it.
    """
    values = services.recorder.newest(state.step, state.guards.names)
    if state.guards.needs_norm and norm is not None:
        values["grad_norm"] = float(norm)
    after_step(state, services, values if services.ranks is None else services.ranks.measured(values))


def look_at(state: TrainState, services: LoopServices, numbers: Mapping[str, SupportsFloat]) -> None:
    """Let the guards look at what a loop of the user's own measured in a step; waits for the device where they do."""
    if state.guards.on_steps:
        after_step(state, services, {name: float(numbers[name]) for name in state.guards.names if name in numbers})


def after_epoch(
    state: TrainState,
    services: LoopServices,
    event: ev.AnyEvent,
    agree: Callable[[Measurements], Measurements] = lambda measured: measured,
) -> None:
    """Let the guards look at an epoch that has ended, and at what the diagnosis finds in it.

    Args:
        agree: returns the measurements by which all processes of the run decide.
    """
    measured = epoch_measurements(state, services, event)
    if measured is not None:
        look_at_epoch(state, services, agree(measured))


def epoch_measurements(state: TrainState, services: LoopServices, event: ev.AnyEvent) -> Measurements | None:
    """Return what an epoch that has ended measured and found; None where no guard looks at it."""
    if not isinstance(event, ev.EpochEnded) or not state.guards.on_epochs:
        return None
    values = {name: math.nan if value is None else value for name, value in event.metrics.items()}
    findings = frozenset(services.diagnosis.course.active)
    return Measurements("epochs", state.step, event.epoch, values, findings)


def look_at_epoch(state: TrainState, services: LoopServices, measured: Measurements) -> None:
    """Let the guards look at the measurements of an epoch."""
    _fire(state, services, [guard for guard in state.guards if guard.on and not guard.rule.skips], measured)


def asks_to_skip(state: TrainState, services: LoopServices, values: Mapping[str, float]) -> bool:
    """Return whether a guard takes the gradients of the coming step away; its commands are queued.

    Args:
        values: loss and gradient norm of the batch, before a weight moves.
    """
    return _fire(state, services, state.guards.skipping, Measurements("steps", state.step + 1, state.epoch, values))


def _fire(state: TrainState, services: LoopServices, guards: Iterable[Guard], measured: Measurements) -> bool:
    """Queue the commands of the guards that fire. Returns whether any did."""
    any_fired = False
    for guard in tuple(guards):
        firing = guard.watch.take(measured)
        if guard.watch.spent:
            state.guards.switch(guard, on=False, why=SPENT)
        if firing is None:
            continue
        any_fired, guard.last = True, state.step
        services.events.publish(
            ev.GuardsChanged(guards=state.guards.states, fired=guard.name, evidence=firing.evidence, step=state.step)
        )
        for command in commands_of(guard, firing, services):
            services.commands.put(command)
    return any_fired


def commands_of(guard: Guard, firing: Firing, services: LoopServices) -> list[cmd.AnyCommand]:
    """Return the commands of a firing, each with the rule and its evidence as the reason."""
    if guard.command is not None:
        return [guard.command]
    if firing.resort:
        made: list[cmd.AnyCommand] = [cmd.Stop() if firing.resort == "stop" else cmd.Pause()]
    else:
        made = [_command(action, services) for action in guard.rule.actions]
    token = secrets.token_hex(4)
    because = f"{guard.rule}: {firing.evidence}"[: cmd.MAX_REASON]
    return [
        command.model_copy(
            update={"by": cmd.GUARD, "id": f"{cmd.GUARD}:{guard.name}:{token}:{index}", "because": because}
        )
        for index, command in enumerate(made)
    ]


def guard_of(command: cmd.AnyCommand) -> str:
    """Return the name of the guard that gave a command; empty for the commands of others."""
    return command.id.split(":")[1] if command.by == cmd.GUARD and command.id.count(":") == 3 else ""


def same_firing(one: cmd.AnyCommand, other: cmd.AnyCommand) -> bool:
    """Return whether two commands come from one firing of a guard."""
    return bool(guard_of(one)) and one.id.rpartition(":")[0] == other.id.rpartition(":")[0]


def keep_copies(state: TrainState, services: LoopServices) -> None:
    """Take the copies that are due after this step; guards with the same step share the tensors."""
    taken: RecentCopy | None = None
    for kept in state.guards.copies.values():
        if not kept.due(state.step):
            continue
        if taken is None:
            tree = model_state_dict(state, services)
            taken = RecentCopy(state.step, services.copied(tree), size_of(tree))
        kept.add(taken)


def _command(action: Action, services: LoopServices) -> cmd.AnyCommand:
    match action:
        case Simple(word="pause"):
            return cmd.Pause()
        case Simple(word="stop"):
            return cmd.Stop()
        case Simple():
            return cmd.SaveCheckpoint()
        case SkipAction():
            return cmd.SkipStep()
        case GoBack(steps=steps):
            return cmd.RollBack(steps=steps) if steps else cmd.RollBack()
        case NoteAction(text=text):
            return cmd.Note(text=text)
        case Setting():
            return _setting(action, services)


def _setting(action: Setting, services: LoopServices) -> cmd.AnyCommand:
    value = action.value
    if action.name == "lr":
        number = float(value)
        return cmd.SetLearningRate(factor=number) if action.factor else cmd.SetLearningRate(value=number)
    present = services.knobs.get(action.name)
    if action.factor and not isinstance(value, str) and isinstance(present, (int, float)):
        value = present * value
        value = round(value) if isinstance(present, int) else value
    return cmd.SetKnob(name=action.name, value=value)
