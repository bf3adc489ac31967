"""Permissions in force: refuses commands of senders beyond what their kind may do, by the present values of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from time import monotonic

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.permissions.allow import Allow, Allowance
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.describe import duration
from tui_trainer.protocol.wheel.allowed import not_allowed, said
from tui_trainer.text import number


class Permissions:
    """The permissions of a run, and when each kind of sender changed it last.

    Args:
        allow: the permissions.
        clock: monotonic time in seconds.
    """

    def __init__(self, allow: Allow, clock: Callable[[], float] = monotonic) -> None:
        self.allow = allow
        self._clock = clock
        self._changed: dict[str, tuple[float, int]] = {}
        """Time and step of the last change, by kind of sender."""

    def refusal(self, state: TrainState, services: LoopServices, command: cmd.AnyCommand) -> str:
        """Return why a command is refused: the rule, and where it stands. Empty if it is allowed.

        Commands of the program itself, and those that a replay or a resume applies again, are never refused.
        """
        rules = self.allow.of(command.actor)
        if rules is None or command.id in state.scripted:
            return ""
        if reason := not_allowed(self.allow, command):
            return reason
        if isinstance(command, cmd.Undo) and not rules.undo_others and state.undo_stack:
            last = state.undo_stack[-1].command
            if last.actor != command.actor:
                rule = said(self.allow, command, "undo_others", "false")
                return f"the last change is by {last.by or 'the program'}, not by an {command.actor} ({rule})"
        if not _changes(command):
            return ""
        return self._too_soon(state, rules, command) or _beyond(state, services, self.allow, rules, command)

    def needs_copy(self, state: TrainState, command: cmd.AnyCommand) -> str:
        """Return why a change without a copy is refused; empty where there is a copy, or none is needed."""
        rules = self.allow.of(command.actor)
        copied = not state.undo_stack or not state.undo_stack[-1].too_large
        if copied or rules is None or not rules.snapshot or command.id in state.scripted:
            return ""
        rule = said(self.allow, command, "snapshot", "true")
        return f"the run is too large for a copy to which an undo could go back ({rule})"

    def applied(self, state: TrainState, command: cmd.AnyCommand) -> None:
        """Take in that a command was applied."""
        if command.actor and _changes(command) and command.id not in state.scripted:
            self._changed[command.actor] = (self._clock(), state.step)

    def _too_soon(self, state: TrainState, rules: Allowance, command: cmd.AnyCommand) -> str:
        at, step = self._changed.get(command.actor, (-inf, -1))
        left = at + rules.cool_down - self._clock()
        if rules.cool_down and left > 0:
            rule = said(self.allow, command, "cool_down", number(rules.cool_down))
            return f"{command.actor}s wait between two changes: {duration(left)} more ({rule})"
        steps = step + rules.cool_down_steps - state.step
        if rules.cool_down_steps and 0 <= step <= state.step and steps > 0:
            rule = said(self.allow, command, "cool_down_steps", str(rules.cool_down_steps))
            return f"{command.actor}s wait between two changes: {steps:,} more steps ({rule})"
        return ""


def _changes(command: cmd.AnyCommand) -> bool:
    """Return whether a command changes the training."""
    others = cmd.Redo | cmd.RunAction | cmd.TakeRace | cmd.SetGuard
    return cmd.is_intervention(command) or isinstance(command, others)


def _beyond(state: TrainState, services: LoopServices, allow: Allow, rules: Allowance, command: cmd.AnyCommand) -> str:
    """Return why a value is refused: it is out of bounds, or too far from the present one."""
    if isinstance(command, cmd.SetGuard) and (rules.lr or rules.knobs or rules.factor):
        rule = said(allow, command, "factor", number(rules.factor))
        return f"{command.actor}s have bounds, and {command.cli_names()[0]} would pass by them ({rule})"
    for name, before, value in _values(state, services, command):
        bounds = rules.lr if name == "lr" else rules.knobs.get(name)
        what = "learning rate" if name == "lr" else name
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            low, high = (number(bound) for bound in bounds)
            rule = said(allow, command, "lr" if name == "lr" else f"knobs.{name}", f"[{low}, {high}]")
            return f"{what} {number(value)}: {command.actor}s may set {low} to {high} ({rule})"
        if rules.factor and _ratio(before, value) > rules.factor * (1 + 1e-9):
            rule = said(allow, command, "factor", number(rules.factor))
            return (
                f"{what} {number(value)} is {number(_ratio(before, value), 3)} times away from {number(before)}: "
                f"{command.actor}s change a number by {number(rules.factor)} at most ({rule})"
            )
    highest = _highest_to_come(state, services, command)
    if rules.lr is not None and highest > rules.lr[1]:
        low, high = (number(bound) for bound in rules.lr)
        rule = said(allow, command, "lr", f"[{low}, {high}]")
        return f"the learning rate would rise to {number(highest)}: {command.actor}s may set {low} to {high} ({rule})"
    return ""


def _ratio(before: float, value: float) -> float:
    """Return by which factor two numbers differ; 1 where one of them is 0 or below, which has none."""
    return max(before / value, value / before) if before > 0 and value > 0 else 1.0


def _values(state: TrainState, services: LoopServices, command: cmd.AnyCommand) -> Iterator[tuple[str, float, float]]:
    """Yield the numbers that a command sets: name, present value, new value."""
    match command:
        case cmd.SetLearningRate(value=value, factor=factor, optimizer=optimizer):
            present = services.optimizer.rate_of(optimizer) if optimizer else state.lr
            yield "lr", present, value if value is not None else present * (factor or 1.0)
        case cmd.SetScheduler(base=float() as base):
            yield "lr", state.lr, base
        case cmd.SetOptimizer(optimizer=optimizer, named=named):
            described = services.optimizer.description
            for name in named if named is not None else tuple(type(optimizer).model_fields):
                value = getattr(optimizer, name, None)
                before = state.lr if name == "lr" else getattr(described, name, None)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    yield name, float(before) if isinstance(before, int | float) else 0.0, float(value)
        case cmd.SetClip(value=value):
            yield "clip", state.clip, value
        case cmd.SetEpochs(value=value, add=add):
            yield "epochs", state.epochs, value if value is not None else state.epochs + (add or 0)
        case cmd.SetPatience(patience=int() as patience):
            yield "patience", services.early_stopper.stopping.patience, patience
        case cmd.SetKnob(name=name, value=int() | float() as value) if not isinstance(value, bool):
            before = services.knobs.get(name)
            yield name, float(before) if isinstance(before, int | float) else 0.0, float(value)
        case _:
            return


def _highest_to_come(state: TrainState, services: LoopServices, command: cmd.AnyCommand) -> float:
    """Return the highest rate that a command would bring; 0 where it brings none, or it cannot be known."""
    watched = services.early_stopper.watched
    plan = None
    if isinstance(command, cmd.SetScheduler) and command.scheduler.kind not in ("import", "script"):
        base = command.base or state.plan.rate(state.step, watched)
        steps = services.steps_per_epoch
        plan = LrPlan.begin(command.scheduler, base, step=state.step, end=state.plan.end, steps_per_epoch=steps)
    elif isinstance(command, cmd.SetLearningRate) and command.factor is not None and command.factor > 1:
        plan = state.plan.with_factor(command.factor, state.step, watched)
    if plan is None or plan.scheduler.kind in ("import", "script") or plan.scheduler.watches or plan.base <= 0:
        return 0.0
    return plan.coming_rates(state.step, watched)[1]
