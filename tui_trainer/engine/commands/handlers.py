"""Command handlers: one function for each command, called between two batches.

A handler changes the state and the services of a run, and publishes the event that answers its command; a command that
cannot be applied raises `Refusal`, which `apply_command` publishes as `Refused`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from tui_trainer.components.optimizers.settings import with_named
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.engine.checkpointing.checkpointer import is_reserved
from tui_trainer.engine.checkpointing.save import save_run
from tui_trainer.engine.checkpointing.snapshot import state_dict
from tui_trainer.engine.checkpointing.state_tree import size_of
from tui_trainer.engine.commands.actions import yield_wheel
from tui_trainer.engine.commands.answers import Refusal, publish_change, refuse_at_end, refuse_unchanged, refuse_wheel
from tui_trainer.engine.commands.find_rate import find_rate
from tui_trainer.engine.commands.race import run_race, take_race
from tui_trainer.engine.commands.rates import set_rate_of_one
from tui_trainer.engine.commands.roll_back import roll_back
from tui_trainer.engine.commands.stop import describe_stop
from tui_trainer.engine.commands.undo import forget, redo, remember, undo
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.events.flush import check_weights
from tui_trainer.engine.events.run_events import publish_metrics, publish_schedule, publish_status
from tui_trainer.engine.guarding import guard_commands
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.steps.schedule import apply_schedule
from tui_trainer.engine.train_state import TrainState, ending_of
from tui_trainer.engine.trying.try_step import try_step
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import coming_rates
from tui_trainer.protocol.knobs import KnobValue
from tui_trainer.text import exact, number

Handler = Callable[[TrainState, Any, Any], None]


def apply_command(state: TrainState, services: LoopServices, command: cmd.AnyCommand) -> None:
    """Apply a command now; the event that it causes, or `Refused`, is its answer.

    In a run that broke, only a save that asks for it and a note are applied: nothing may take the place of the reason.
    """
    if state.broken and not isinstance(command, cmd.SaveCheckpoint | cmd.Note):
        reject(services.events, state.step, command, f"the run is ending: {state.detail}")
        return
    permissions = services.permissions
    if reason := services.refused.get(command.type) or permissions.refusal(state, services, command):
        reject(services.events, state.step, command, reason)
        return
    remembered = remember(state, services, command)
    if remembered and (reason := permissions.needs_copy(state, command)):
        forget(state)
        reject(services.events, state.step, command, reason)
        return
    try:
        HANDLERS[type(command)](state, services, command)
    except (Refusal, UserError) as refusal:
        if remembered:
            forget(state)
        reject(services.events, state.step, command, str(refusal))
    else:
        permissions.applied(state, command)
        if remembered:  # what was undone belongs to another past now
            state.redo_stack.clear()
        yield_wheel(state, services, command)


def reject(events: EventStream, step: int, command: cmd.AnyCommand, reason: str) -> None:
    """Publish why a command is not applied."""
    events.publish(ev.Refused(reason=reason, step=step, cause=command))


def pause(state: TrainState, services: LoopServices, command: cmd.Pause) -> None:
    """Wait between two batches."""
    refuse_at_end(state, services)
    if state.paused and not state.steps_allowed:
        raise Refusal("already paused")
    state.paused, state.steps_allowed = True, 0
    publish_status(state, services, "paused", cause=command)


def resume(state: TrainState, services: LoopServices, command: cmd.Resume) -> None:
    """Continue after a pause, up to the next planned one."""
    if command.until is not None:
        refuse_at_end(state, services)
        if command.until <= state.step:
            raise Refusal(f"step {command.until:,} has been taken: this is step {state.step:,}")
        state.drop_planned_pause()
        if not services.ends_by_epochs or command.until < state.epochs * services.steps_per_epoch:
            state.plan_pause(command.until, cmd.Pause(by=command.by, actor=command.actor, run=command.run))
    elif not state.drop_planned_pause() and not state.paused:
        raise Refusal("not paused")
    state.paused, state.steps_allowed = False, 0
    status = "running" if state.ending is None else "stopping"
    publish_status(state, services, status, cause=command)


def step_once(state: TrainState, services: LoopServices, command: cmd.StepOnce) -> None:
    """Train a few batches, then wait again; a running training is paused first."""
    refuse_at_end(state, services)
    state.paused = True
    state.steps_allowed += command.count
    detail = f"{command.count} more step{'s' if command.count > 1 else ''}"
    publish_status(state, services, "paused", detail, command)


def stop(state: TrainState, services: LoopServices, command: cmd.Stop) -> None:
    """End after this batch, or after this epoch; say what will be on disk then."""
    unsaved = state.stops_now and state.ending is not None and not state.ending.save
    state.ending = replace(ending_of(state, command), save=command.save and not unsaved)
    state.paused, state.steps_allowed = False, 0
    state.exit_code = 130 if command.by == "SIGINT" else 0
    publish_status(state, services, "stopping", describe_stop(state, services), command)


def set_learning_rate(state: TrainState, services: LoopServices, command: cmd.SetLearningRate) -> None:
    """Set the learning rate of the coming step; the schedule continues from it with the same shape."""
    watched = services.early_stopper.watched
    if ignored := services.optimizer.ignored_rate(state.step):
        raise Refusal(ignored)
    if command.optimizer:
        set_rate_of_one(state, services, command)
        return
    previous = state.plan.rate(state.step, watched)
    if previous == command.value or command.factor == 1.0:
        refuse_unchanged(state, command, f"the learning rate is {number(previous)}")
    if command.value is not None:
        state.plan = state.plan.with_rate(command.value, state.step, watched)
    elif previous > 0:
        state.plan = state.plan.with_factor(command.factor or 1.0, state.step, watched)
    else:
        raise Refusal("the present learning rate is 0: set a value, not a factor")
    apply_schedule(state, services)
    publish_change(state, services, command, "lr", previous, state.lr, state.plan)


def set_scheduler(state: TrainState, services: LoopServices, command: cmd.SetScheduler) -> None:
    """Replace the schedule; the new one begins at this step."""
    services.check(command)
    previous, early_stopper = state.plan.scheduler.label(), services.early_stopper
    scaled = any(scale != 1.0 for scale in services.optimizer.scales.values())
    given_back = command.scheduler.kind == "script" and (state.plan.is_changed or scaled)
    if command.scheduler == state.plan.scheduler and command.base is None and not given_back:
        refuse_unchanged(state, command, f"the schedule is {previous}; to begin it again give base=RATE")
    base = command.base or state.plan.rate(state.step, early_stopper.watched)
    if base <= 0:
        raise Refusal("the present learning rate is 0: set a base rate for the new schedule")
    plan = LrPlan.begin(
        command.scheduler,
        base,
        step=state.step,
        end=state.plan.end,
        steps_per_epoch=services.steps_per_epoch,
    )
    if command.scheduler.kind == "script":
        services.optimizer.give_back_scales()
    state.plan = services.sampled(plan.model_copy(update={"lengths": state.plan.lengths}))
    early_stopper.watched.clear()
    apply_schedule(state, services)
    services.events.publish(
        ev.SchedulerChanged(plan=state.plan, lr=state.lr, previous=previous, step=state.step, cause=command)
    )
    publish_schedule(state, services)


def set_optimizer(state: TrainState, services: TrainingServices, command: cmd.SetOptimizer) -> None:
    """Change the optimizer; the schedule keeps its shape, and continues from the learning rate if one was named."""
    optimizer, named = services.optimizer, command.named
    present, wanted, rate = optimizer.description, command.optimizer, state.lr
    names_rate = named is None or "lr" in named
    if named is not None:
        wanted = with_named(present, wanted, named, rate)
        alike = wanted.model_copy(update={"lr": present.lr}) == present
        if alike and (not names_rate or wanted.lr == rate):
            refuse_unchanged(state, command, f"the optimizer is {present.label()}")
    services.check_optimizer(wanted, state.clip)
    averages = optimizer.replace(wanted, keep=named is not None)
    if names_rate:
        state.plan = state.plan.with_new_peak(wanted.lr, state.step, services.early_stopper.watched)
    apply_schedule(state, services)
    services.events.publish(
        ev.OptimizerChanged(
            optimizer=wanted,
            plan=state.plan,
            lr=state.lr,
            previous=present.label(),
            averages=averages,
            step=state.step,
            cause=command,
        )
    )


def set_clip(state: TrainState, services: LoopServices, command: cmd.SetClip) -> None:
    """Set the largest global gradient norm."""
    if command.value == state.clip:
        refuse_unchanged(state, command, f"the clip is {number(state.clip or None)}".replace(" -", " off"))
    services.check(command)
    previous, state.clip = state.clip, command.value
    publish_change(state, services, command, "clip_grad_norm", previous, command.value)


def set_patience(state: TrainState, services: LoopServices, command: cmd.SetPatience) -> None:
    """Change the settings of early stopping."""
    previous = services.early_stopper.stopping
    changes = {
        name: value
        for name in ("patience", "min_delta", "enabled")
        if (value := getattr(command, name)) is not None and value != getattr(previous, name)
    }
    if not changes:
        raise Refusal("nothing changed: early stopping is already set to these values")
    services.early_stopper.stopping = previous.model_copy(update=changes)
    for name, value in changes.items():
        label = "early_stopping" if name == "enabled" else name
        publish_change(state, services, command, label, float(getattr(previous, name)), float(value))


def set_epochs(state: TrainState, services: LoopServices, command: cmd.SetEpochs) -> None:
    """Make the run longer or shorter; the rest of the schedule is stretched over the rest of the run."""
    value = command.value if command.value is not None else state.epochs + (command.add or 0)
    least = state.epoch + 1
    if value < least:
        raise Refusal(f"epoch {least} is in progress: the run cannot be shorter")
    if value == state.epochs:
        raise Refusal(f"nothing changed: the run already has {value} epochs")
    previous, state.epochs = state.epochs, value
    end = state.plan.step_of_epoch(value) if state.plan.lengths else value * services.steps_per_epoch
    state.plan = state.plan.with_end(end, state.step)
    apply_schedule(state, services)
    publish_change(state, services, command, "epochs", previous, value, state.plan)
    publish_schedule(state, services)
    if state.plan.sampled_curve is not None:  # the event has no curve to say it from
        services.events.log(coming_rates(state.plan, state.step), state.step)


def evaluate(state: TrainState, services: LoopServices, command: cmd.Evaluate) -> None:
    """Validate now, without effect on early stopping."""
    metrics = services.validate()
    if metrics is None:
        raise Refusal("validation was cut short: the run is stopping")
    publish_metrics(state, services, metrics, command)


def show_answers(state: TrainState, services: TrainingServices, command: cmd.ShowAnswers) -> None:
    """Publish what the model answers now, without effect on the training."""
    services.pictures.answer(command)


def save_checkpoint(state: TrainState, services: LoopServices, command: cmd.SaveCheckpoint) -> None:
    """Save the run now, under its own name; one that is no longer finite only if the command asks for it."""
    if services.checkpointer is None:
        raise Refusal("this run has no directory to save to")
    name = command.name or f"step-{state.step}"
    if is_reserved(name):
        raise Refusal(f"{name!r} is a reserved checkpoint name")
    if check_weights(state, services) and not command.broken:
        raise Refusal(f"the run is no longer finite ({state.detail}): to save it as it is, send broken=true")
    tree = state_dict(state, services)
    if not services.checkpointer.save(name, tree, step=state.step, epoch=state.epoch, cause=command):
        raise Refusal(f"checkpoint {name} could not be written")


def undo_last(state: TrainState, services: LoopServices, command: cmd.Undo) -> None:
    """Undo the newest intervention."""
    if state.stops_now:
        raise Refusal("the run is stopping")
    if not state.undo_stack:
        raise Refusal("nothing to undo: no intervention was made since this run was last started")
    if state.undo_stack[-1].too_large:
        size, limit = size_of(state_dict(state, services)), services.snapshot_limit
        if limit is None or size <= limit:
            raise Refusal(f"the device had no memory for a copy of the run, which has {size / 1e6:,.0f} MB")
        raise Refusal(
            f"a copy of the run has {size / 1e6:,.0f} MB, above the limit of {limit / 1e6:,.0f} MB for an undo"
        )
    undo(state, services, command)
    if state.rewound:  # the checkpoint on disk may be of the abandoned steps
        save_run(state, services)


def redo_last(state: TrainState, services: LoopServices, command: cmd.Redo) -> None:
    """Take up again the branch that the newest undo left."""
    if state.stops_now:
        raise Refusal("the run is stopping")
    if not state.redo_stack:
        if state.undo_stack and isinstance(state.undo_stack[-1].command, cmd.RollBack):
            raise Refusal("nothing to redo; undo goes back to the point that the roll-back left")
        raise Refusal("nothing to redo: nothing was undone since the last intervention or the last start of this run")
    redo(state, services, command)
    if state.rewound:
        save_run(state, services)


def set_knob(state: TrainState, services: LoopServices, command: cmd.SetKnob) -> None:
    """Set a control of the loop; it is read back, and its value before is published with it."""
    present = services.knobs.get(command.name)
    alike = isinstance(present, bool) == isinstance(command.value, bool)
    if present is not None and present == command.value and alike:
        refuse_unchanged(state, command, f"{command.name} is {_knob_text(present)}")
    services.set_knob(command, state)


def run_action(state: TrainState, services: LoopServices, command: cmd.RunAction) -> None:
    """Run an action of the script."""
    services.run_action(command, state)


def note(state: TrainState, services: LoopServices, command: cmd.Note) -> None:
    """Write a note into the journal."""
    services.events.publish(ev.Noted(text=command.text, step=state.step, cause=command))


def _knob_text(value: KnobValue) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else exact(value)


def _tried(own: Handler) -> Handler:
    """Return the handler of a command that tries steps: of the built-in loop, or of one that takes its own steps."""

    def handle(state: TrainState, services: LoopServices, command: cmd.AnyCommand) -> None:
        if services.trials is not None:
            services.trials.ask(state, services, command)
        else:
            own(state, services, command)

    return handle


def perform(state: TrainState, services: LoopServices, command: cmd.AnyCommand) -> None:
    """Apply a command that another one stands for. Raises `Refusal` or `UserError` where it cannot be applied."""
    HANDLERS[type(command)](state, services, command)


HANDLERS: dict[type[Any], Handler] = {
    cmd.Pause: pause,
    cmd.Resume: resume,
    cmd.StepOnce: step_once,
    cmd.Stop: stop,
    cmd.SetLearningRate: set_learning_rate,
    cmd.SetScheduler: set_scheduler,
    cmd.SetOptimizer: set_optimizer,
    cmd.SetClip: set_clip,
    cmd.SetPatience: set_patience,
    cmd.SetEpochs: set_epochs,
    cmd.Evaluate: evaluate,
    cmd.ShowAnswers: show_answers,
    cmd.FindRate: _tried(find_rate),
    cmd.Race: _tried(partial(run_race, perform=perform)),
    cmd.TakeRace: partial(take_race, perform=perform),
    cmd.TryStep: _tried(try_step),
    cmd.SaveCheckpoint: save_checkpoint,
    cmd.RollBack: roll_back,
    cmd.Undo: undo_last,
    cmd.Redo: redo_last,
    cmd.Note: note,
    cmd.SetKnob: set_knob,
    cmd.RunAction: run_action,
    cmd.SkipStep: guard_commands.skip_step,
    cmd.SetGuard: guard_commands.set_guard,
    cmd.RemoveGuard: guard_commands.remove_guard,
    cmd.ShowGuards: guard_commands.show_guards,
    cmd.TakeWheel: refuse_wheel,
    cmd.GiveWheel: refuse_wheel,
}
"""The handler of each command."""
