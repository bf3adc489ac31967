"""The actions of a preset in a run: planned at their steps, and dropped when a user steers."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.action import PresetAction
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.guards.grammar import parse_conditions
from tui_trainer.guards.rule import GuardRule, NoteAction
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.actions.action_commands import action_commands, index_of, is_action, takes_over
from tui_trainer.protocol.commands import AnyCommand


def planned_actions(actions: Sequence[PresetAction], plan: LrPlan) -> list[tuple[int, AnyCommand]]:
    """Return the command of each action with the step after which it is applied, by step.

    Raises:
        UserError: a command is not valid.
    """
    commands = action_commands(actions)
    pairs = [
        (_step_of(action, plan), command) for action, command in zip(actions, commands, strict=True) if not action.when
    ]
    return sorted(pairs, key=lambda pair: pair[0])


def arm_conditions(state: TrainState, actions: Sequence[PresetAction]) -> None:
    """Let the actions with a condition wait for it, as guards that act once."""
    for index, (action, command) in enumerate(zip(actions, action_commands(actions), strict=True)):
        if action.when:
            note = NoteAction(f"action {index} of the preset")
            rule = GuardRule(parse_conditions(action.when), (note,), times=1, then="nothing")
            state.guards.set(rule, f"action-{index}").command = command


def plan_again(state: TrainState, actions: Sequence[PresetAction]) -> None:
    """Move the actions that wait for an epoch, after the length of the epochs was changed."""
    if any(is_action(command) for _, command in state.script):
        moved = [
            (_step_of(actions[index_of(command)], state.plan) if is_action(command) else step, command)
            for step, command in state.script
        ]
        state.follow(sorted(moved, key=lambda pair: pair[0]))


def yield_wheel(state: TrainState, services: LoopServices, command: AnyCommand) -> None:
    """Drop the actions that are left when a command of a user steers the run."""
    if not takes_over(command):
        return
    kept = [pair for pair in state.script if not is_action(pair[1])]
    waiting = [guard for guard in state.guards if guard.command is not None]
    dropped = len(state.script) - len(kept) + services.commands.drop(is_action)
    dropped += sum(guard.watch.times_left != 0 for guard in waiting)
    for guard in waiting:
        state.guards.remove(guard.name)
    if waiting:
        services.events.publish(ev.GuardsChanged(guards=state.guards.states, step=state.step))
    if dropped:
        state.follow(kept)
        left = f"{dropped} action{'s' if dropped > 1 else ''}"
        services.events.log(f"{left} of the preset dropped: {command.by or 'a user'} steers from here on", state.step)


def _step_of(action: PresetAction, plan: LrPlan) -> int:
    return action.step if action.step is not None else plan.step_of_epoch(action.epoch or 0)
