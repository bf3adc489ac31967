"""What a trainer does when it is told to: one function for each command, called between two batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.trust import check_scheduler
from tui_trainer.engine import run_events
from tui_trainer.engine.checkpointing import snapshot
from tui_trainer.engine.checkpointing.checkpointer import is_reserved
from tui_trainer.engine.checkpointing.file_format import BadCheckpoint, load
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.engine.commands.undo import forget, remember, take_back
from tui_trainer.engine.ending import Ending
from tui_trainer.engine.steps import closure
from tui_trainer.errors import UserError
from tui_trainer.optim.imported_scheduler import sampled_plan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer


class Refusal(Exception):
    """Why a command is not obeyed."""


def apply_command(trainer: Trainer, command: cmd.AnyCommand) -> None:
    """Do what the command says, now; its answer is the event that it causes, or `Refused`."""
    kept = remember(trainer, command)
    try:
        _obey(trainer, command)
    except (Refusal, UserError) as refusal:
        if kept:
            forget(trainer)
        reject(trainer, command, str(refusal))


def reject(trainer: Trainer, command: cmd.AnyCommand, reason: str) -> None:
    """Say why a command is not obeyed."""
    trainer.publish(ev.Refused(reason=reason, step=trainer.step, cause=command))


def _obey(trainer: Trainer, command: cmd.AnyCommand) -> None:
    match command:
        case cmd.Pause():
            pause(trainer, command)
        case cmd.Resume():
            resume(trainer, command)
        case cmd.StepOnce():
            step_once(trainer, command)
        case cmd.Stop():
            stop(trainer, command)
        case cmd.SetLearningRate():
            set_learning_rate(trainer, command)
        case cmd.SetScheduler():
            set_scheduler(trainer, command)
        case cmd.SetOptimizer():
            set_optimizer(trainer, command)
        case cmd.SetClip():
            closure.refuse(trainer.optimizer_choice, command.value, trainer.config.training.precision)
            _changed(trainer, command, "clip_grad_norm", trainer.clip, command.value)
            trainer.clip = command.value
        case cmd.SetPatience():
            set_patience(trainer, command)
        case cmd.SetEpochs():
            set_epochs(trainer, command)
        case cmd.Evaluate():
            evaluate(trainer, command)
        case cmd.SaveCheckpoint():
            save_checkpoint(trainer, command)
        case cmd.RollBack():
            roll_back(trainer, command)
        case cmd.Undo():
            if trainer.ending is not None and trainer.ending.when == "batch":
                raise Refusal("the run is stopping")
            if not trainer.undo_stack:
                raise Refusal("nothing to take back: no intervention has been made since this run was last started")
            take_back(trainer, command)
            if trainer.rewound:  # what is on disk is of the branch that was left
                trainer.save()
        case cmd.Note():
            trainer.publish(ev.Noted(text=command.text, step=trainer.step, cause=command))


def _changed(
    trainer: Trainer, command: cmd.AnyCommand, name: str, previous: float, value: float, plan: LrPlan | None = None
) -> None:
    trainer.publish(
        ev.SettingChanged(name=name, value=value, previous=previous, plan=plan, step=trainer.step, cause=command)
    )


def pause(trainer: Trainer, command: cmd.Pause) -> None:
    """Wait between two batches."""
    if trainer.paused:
        raise Refusal("already paused")
    trainer.paused, trainer.steps_allowed = True, 0
    trainer.enter("paused", cause=command)


def resume(trainer: Trainer, command: cmd.Resume) -> None:
    """Go on."""
    if not trainer.paused:
        raise Refusal("not paused")
    trainer.paused = False
    trainer.enter("running", cause=command)


def step_once(trainer: Trainer, command: cmd.StepOnce) -> None:
    """Train a few batches, and wait again; a running training is paused first."""
    trainer.paused = True
    trainer.steps_allowed += command.count
    trainer.enter("paused", f"{command.count} more step{'s' if command.count > 1 else ''}", command)


def stop(trainer: Trainer, command: cmd.Stop) -> None:
    """End after this batch, or after this epoch."""
    where = "after this batch" if command.when == "batch" else f"at the end of epoch {trainer.epoch + 1}"
    best = ", with the best weights" if command.restore_best else ""
    trainer.paused = False
    who = f" by {command.by}" if command.by else ""
    trainer.ending = Ending(
        command.reason,
        f"{command.reason}{who} in epoch {trainer.epoch + 1}",
        when=command.when,
        restore_best=command.restore_best,
        cause=command,
    )
    trainer.exit_code = 130 if command.by == "SIGINT" else 0
    trainer.enter("stopping", where + best, command)


def set_learning_rate(trainer: Trainer, command: cmd.SetLearningRate) -> None:
    """Set the rate in force; the schedule goes on from it with the same shape."""
    if not trainer.optimizer_choice.rate_matters and trainer.step > 0:
        raise Refusal(f"{trainer.optimizer_choice.kind} chooses its own steps: the rate was the size of the first one")
    previous = trainer.plan.rate(trainer.step, trainer.judge.watched)
    value = command.value if command.value is not None else previous * (command.factor or 1.0)
    if value <= 0:
        raise Refusal("the rate in force is 0: set a value, not a factor")
    trainer.plan = trainer.plan.with_rate(value, trainer.step, trainer.judge.watched)
    trainer.set_rate()
    _changed(trainer, command, "lr", previous, trainer.rate, trainer.plan)


def set_scheduler(trainer: Trainer, command: cmd.SetScheduler) -> None:
    """Swap the schedule; it begins at this step."""
    check_scheduler(command.scheduler, trainer.config)
    previous = trainer.plan.scheduler.label()
    base = command.base or trainer.plan.rate(trainer.step, trainer.judge.watched)
    if base <= 0:
        raise Refusal("the rate in force is 0: give the new schedule a base rate")
    begun = LrPlan.begin(
        command.scheduler,
        base,
        step=trainer.step,
        end=trainer.plan.end,
        steps_per_epoch=trainer.steps_per_epoch,
    )
    trainer.plan = sampled_plan(begun)
    trainer.judge.watched.clear()
    trainer.set_rate()
    trainer.publish(
        ev.SchedulerChanged(plan=trainer.plan, lr=trainer.rate, previous=previous, step=trainer.step, cause=command)
    )
    run_events.publish_schedule(trainer)


def set_optimizer(trainer: Trainer, command: cmd.SetOptimizer) -> None:
    """Swap the optimizer; the schedule keeps its shape and takes the new optimizer's rate as the one in force."""
    previous = trainer.optimizer_choice.label()
    trainer.use_optimizer(command.optimizer)
    trainer.plan = trainer.plan.with_rate(command.optimizer.lr, trainer.step, trainer.judge.watched)
    trainer.set_rate()
    trainer.publish(
        ev.OptimizerChanged(
            optimizer=command.optimizer,
            plan=trainer.plan,
            lr=trainer.rate,
            previous=previous,
            step=trainer.step,
            cause=command,
        )
    )


def set_patience(trainer: Trainer, command: cmd.SetPatience) -> None:
    """Change when the run stops early."""
    changes = {
        name: value
        for name in ("patience", "min_delta", "enabled")
        if (value := getattr(command, name)) is not None and value != getattr(trainer.judge.stopping, name)
    }
    if not changes:
        raise Refusal("nothing to change: it is so already")
    previous = trainer.judge.stopping
    trainer.judge.stopping = previous.model_copy(update=changes)
    for name, value in changes.items():
        label = "early_stopping" if name == "enabled" else name
        _changed(trainer, command, label, float(getattr(previous, name)), float(value))


def set_epochs(trainer: Trainer, command: cmd.SetEpochs) -> None:
    """Make the run longer or shorter; the schedule is planned anew over what is left of it."""
    value = command.value if command.value is not None else trainer.epochs + (command.add or 0)
    least = trainer.epoch + 1
    if value < least:
        raise Refusal(f"epoch {least} is under way: the run cannot be shorter than that")
    if value == trainer.epochs:
        raise Refusal(f"the run has {value} epochs already")
    previous, trainer.epochs = trainer.epochs, value
    trainer.plan = trainer.plan.with_end(value * trainer.steps_per_epoch, trainer.step)
    trainer.set_rate()
    _changed(trainer, command, "epochs", previous, value, trainer.plan)
    run_events.publish_schedule(trainer)


def evaluate(trainer: Trainer, command: cmd.Evaluate) -> None:
    """Validate now; decides nothing."""
    found = trainer.validate()
    if found is None:
        raise Refusal("cut short: the run is stopping")
    trainer.publish_metrics(found, command)


def save_checkpoint(trainer: Trainer, command: cmd.SaveCheckpoint) -> None:
    """Save now, under a name of its own."""
    if trainer.saver is None:
        raise Refusal("this run has no folder to save in")
    name = command.name or f"step-{trainer.step}"
    if is_reserved(name):
        raise Refusal(f"{name!r} is kept by the run itself: choose another name")
    if not trainer.saver.save(
        name, snapshot.checkpoint(trainer), step=trainer.step, epoch=trainer.epoch, cause=command
    ):
        raise Refusal(f"checkpoint {name} could not be written")


def roll_back(trainer: Trainer, command: cmd.RollBack) -> None:
    """Put back the weights and the optimizer state of a checkpoint; the clock goes on."""
    if command.to == "best":
        if trainer.best_weights is None:
            raise Refusal("nothing to roll back to yet: no epoch has been validated")
        tree = trainer.best_weights
    elif trainer.saver is not None:
        try:
            tree = load(trainer.saver.path(command.to))
        except BadCheckpoint as error:
            raise Refusal(f"no checkpoint to roll back to: {error}") from None
    else:
        raise Refusal("this run has no folder to roll back from")
    before = copied(snapshot.weights(trainer))
    try:
        epoch, saved_at = int(tree["epoch"]), int(tree["step"])
        snapshot.put_back(trainer, tree)
    except snapshot.MISFITS as error:  # a file that somebody put there must not end the run
        snapshot.put_back(trainer, before)
        raise Refusal(f"checkpoint {command.to} does not fit this run: {snapshot.in_a_line(error)}") from None
    trainer.publish(ev.RolledBack(to=command.to, from_epoch=epoch, saved_at=saved_at, step=trainer.step, cause=command))
