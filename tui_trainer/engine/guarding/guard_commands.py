"""The commands about guards: set, switch, remove and list them; and the step that is not taken."""

from __future__ import annotations

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.config.guards.preset_guard import MAX_GUARDS, PresetGuard
from tui_trainer.engine.commands.actions import arm_conditions
from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.engine.guarding.firing import keep_copies
from tui_trainer.engine.guarding.guard_set import UNDONE, Guard
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.guards.rule import GoBack, GuardRule, Setting
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev


def set_guard(state: TrainState, services: LoopServices, command: cmd.SetGuard) -> None:
    """Arm a guard, or switch one on or off."""
    guards = state.guards
    known = guards.get(command.name)
    if command.rule:
        rule = parse_rule(command.rule)
        check_rule(rule, services)
        if known is None and len(guards) >= MAX_GUARDS:
            raise Refusal(f"there are {MAX_GUARDS} guards already: remove one first")
        guard = guards.set(rule, command.name)
        if not command.on:
            guards.switch(guard, on=False)
    else:
        guard = _known(state, command.name)
        if guard.on == command.on:
            raise Refusal(f"guard {guard.name} is {'armed' if guard.on else 'off'} already")
        guards.switch(guard, on=command.on)
    keep_copies(state, services)
    named = command.model_copy(update={"name": guard.name})
    services.events.publish(ev.GuardsChanged(guards=guards.states, step=state.step, cause=named))


def remove_guard(state: TrainState, services: LoopServices, command: cmd.RemoveGuard) -> None:
    """Remove a guard."""
    state.guards.remove(_known(state, command.name).name)
    services.events.publish(ev.GuardsChanged(guards=state.guards.states, step=state.step, cause=command))


def show_guards(state: TrainState, services: LoopServices, command: cmd.ShowGuards) -> None:
    """Publish the guards as they are."""
    services.events.publish(ev.GuardsChanged(guards=state.guards.states, step=state.step, cause=command))


def arm_planned(state: TrainState, services: TrainingServices, planned: tuple[PresetGuard, ...]) -> None:
    """Arm guards and conditional actions of the configuration. Raises `UserError` where one cannot work in this run."""
    for index, one in enumerate(planned):
        rule = parse_rule(one.rule)
        try:
            check_rule(rule, services)
        except UserError as error:
            raise UserError(f"guards.{index}.rule: {one.rule!r}: {error}") from None
        state.guards.set(rule, one.name)
    arm_conditions(state, services.config.actions)


def check_rule(rule: GuardRule, services: LoopServices) -> None:
    """Raise `UserError` where the loop cannot do what a rule asks for."""
    refused = services.refused
    if rule.skips and (reason := refused.get("SkipStep") or _several_gradients(services.optimizer.description)):
        raise UserError(reason)
    if any(isinstance(action, GoBack) for action in rule.actions) and (reason := refused.get("RollBack")):
        raise UserError(reason)
    for action in rule.actions:
        if not isinstance(action, Setting):
            continue
        if action.name == "lr":
            if reason := refused.get("SetLearningRate"):
                raise UserError(reason)
        elif action.name not in services.knobs:
            known = ["lr", *services.knobs]
            raise UserError(f"no knob {action.name!r} to set; {did_you_mean(action.name, known)}")


def skip_step(state: TrainState, services: LoopServices, command: cmd.SkipStep) -> None:
    """Take the gradients of the coming batch away."""
    if state.stops_now or (services.ends_by_epochs and state.epoch >= state.epochs):
        raise Refusal("there is no step to come")
    if reason := _several_gradients(services.optimizer.description):
        raise Refusal(reason)
    state.skip_at = state.step
    batch, samples = services.coming_batch(state)
    services.events.publish(
        ev.StepSkipped(epoch=state.epoch + 1, batch=batch, samples=samples, step=state.step, cause=command)
    )


def disarm_undone(state: TrainState, services: LoopServices, name: str) -> None:
    """Switch off a guard whose firing was undone: it would fire again at once."""
    guard = state.guards.get(name)
    if guard is not None:
        state.guards.switch(guard, on=False, why=UNDONE)
        services.events.publish(ev.GuardsChanged(guards=state.guards.states, disarmed=name, step=state.step))


def arm_redone(state: TrainState, services: LoopServices, name: str) -> None:
    """Arm a guard again whose firing was undone and is taken up again."""
    guard = state.guards.get(name)
    if guard is not None and guard.why_off == UNDONE:
        guard.on, guard.why_off = True, ""
        state.guards.settle()
        services.events.publish(ev.GuardsChanged(guards=state.guards.states, step=state.step))


def _several_gradients(optimizer: AnyOptimizer | None) -> str:
    if optimizer is None or not optimizer.needs_closure:
        return ""
    return f"{optimizer.kind} evaluates several gradients in a step: none of its steps can be skipped"


def _known(state: TrainState, name: str) -> Guard:
    guard = state.guards.get(name)
    if guard is None:
        raise Refusal(f"no guard {name!r}; {did_you_mean(name, [one.name for one in state.guards])}")
    return guard
