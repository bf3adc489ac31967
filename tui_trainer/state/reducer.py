"""The reducer: a function for each event that changes the state of a run."""

from __future__ import annotations

from array import array
from typing import Any

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Redo, RollBack, TakeRace, Undo
from tui_trainer.state.branching.branches import UndoneBranch
from tui_trainer.state.branching.rewind import (
    MAX_BRANCHES,
    MAX_UNDONE,
    forget_steps,
    forget_undone,
    leave,
    offer_branches,
    redo,
    take,
    undo,
)
from tui_trainer.state.drills import veil
from tui_trainer.state.endings import has_failed
from tui_trainer.state.histogram_history import HistogramHistory
from tui_trainer.state.races import view as races
from tui_trainer.state.run_data import CLOCK, MEAN_TRAIN_LOSS, RunData
from tui_trainer.state.series import Series
from tui_trainer.state.series_batch import MIN_DIRECT, SeriesBatch
from tui_trainer.state.series_names import LAYER_SILENT, LAYER_WEIGHTS

MAX_SCHEDULES = 8
"""Newest sampled schedules that are kept."""


def _run_started(state: RunData, event: ev.RunStarted) -> None:
    if state.started is not None and state.started.counts_lines:
        forget_steps(state)
    state.started, state.started_at = event, state.started_at or event.at
    state.reason, state.exit_code, state.finished_at = "", 0, ""
    state.epochs, state.plan, state.optimizer = event.epochs, event.plan, event.optimizer
    state.clip_grad_norm, state.monitor = event.clip_grad_norm, event.monitor
    state.early_stopping, state.patience, state.min_delta = event.early_stopping, event.patience, event.min_delta
    if event.plan is not None:
        state.lr = event.plan.rate(event.step)
    state.step = event.step
    state.pace.start(event.step, state.seconds)
    forget_undone(state)
    veil.begin(state)


def _status_changed(state: RunData, event: ev.StatusChanged) -> None:
    state.status, state.detail = event.status, event.detail
    if isinstance(event.cause, Undo) and state.interventions:
        stop = UndoneBranch(id=state.interventions[-1], interventions=state.interventions)
        state.interventions = state.interventions[:-1]
        state.undone = [*state.undone[1 - MAX_UNDONE :], stop]
        offer_branches(state)
    elif isinstance(event.cause, Redo) and state.undone and state.undone[-1].step is None:
        state.interventions = state.undone[-1].interventions
        state.undone = state.undone[:-1]
        offer_branches(state)


def _scalars(state: RunData, event: ev.Scalars, batch: SeriesBatch) -> None:
    # Convert a long column of steps once for all metrics: copying an array is cheap.
    steps = array("q", event.steps) if len(event.steps) >= MIN_DIRECT else event.steps
    for name, values in event.values.items():
        batch.extend(name, steps, values, event.not_finite.get(name))
    if not event.steps or event.cause is not None:
        return
    batch.extend(CLOCK, steps, event.seconds)
    state.pace.steps_taken(event.steps[0], event.seconds[0], event.steps[-1], event.seconds[-1])
    state.step = max(state.step, event.steps[-1])
    state.seconds = max(state.seconds, event.seconds[-1])
    rates = event.values.get("lr")
    if rates and rates[-1] is not None and rates[-1] != state.lr:
        state.lr = rates[-1]


def _epoch_ended(state: RunData, event: ev.EpochEnded, batch: SeriesBatch) -> None:
    state.epoch, state.step = event.epoch, max(state.step, event.step)
    state.seconds = max(state.seconds, event.seconds)
    state.best, state.bad_epochs = event.best, event.bad_epochs
    validated = any(name.startswith("val_") for name in event.metrics)
    state.pace.epoch_ended(event.epoch, event.seconds, validated=validated)
    for name, value in event.metrics.items():
        batch.extend(MEAN_TRAIN_LOSS if name == "train_loss" else name, (event.step,), (value,))


_LAYER_GROUPS = {
    "grad_norm": "grad_norm",
    "update_ratio": "update_ratio",
    "weight_norm": LAYER_WEIGHTS,
    "dead": LAYER_SILENT,
}
"""The group of the series of each measure of layers."""


def _layers_measured(_state: RunData, event: ev.LayersMeasured, batch: SeriesBatch) -> None:
    for name, layer in event.layers.items():
        measured = {field: value for field, value in layer.__dict__.items() if value is not None}
        batch.update_layer(name, measured)
        for measure, group in _LAYER_GROUPS.items():
            if measure in measured:
                batch.extend(f"{group}/{name}", (event.step,), (measured[measure],))


def _scheduler_changed(state: RunData, event: ev.SchedulerChanged) -> None:
    state.plan, state.lr = event.plan, event.lr


def _schedule_preview(state: RunData, event: ev.SchedulePreview) -> None:
    state.schedules = [*state.schedules[1 - MAX_SCHEDULES :], event]
    if state.plan is not None:
        state.plan = state.plan.with_curve(None)  # the new curve may reach further


def _optimizer_changed(state: RunData, event: ev.OptimizerChanged) -> None:
    state.optimizer, state.plan, state.lr = event.optimizer, event.plan, event.lr


def _setting_changed(state: RunData, event: ev.SettingChanged) -> None:
    if event.plan is not None:
        state.plan = event.plan
    match event.name:
        case "lr":
            state.lr = event.value
        case "clip_grad_norm":
            state.clip_grad_norm = event.value
        case "patience":
            state.patience = int(event.value)
        case "min_delta":
            state.min_delta = event.value
        case "early_stopping":
            state.early_stopping = bool(event.value)
        case "epochs":
            state.epochs = int(event.value)
        case "batch_size":
            _follow_lengths(state, int(event.value))
        case _:
            pass


def _follow_lengths(state: RunData, batch_size: int) -> None:
    """Take in the batch size, and the steps in an epoch of the plan in force."""
    started, plan = state.started, state.plan
    if started is not None and plan is not None:
        changed = {"batch_size": batch_size, "steps_per_epoch": plan.steps_per_epoch}
        state.started = started.model_copy(update=changed)


def _checkpoint_saved(state: RunData, event: ev.CheckpointSaved) -> None:
    state.checkpoints[event.name] = event.epoch
    if event.name == "last":
        state.saved_step = event.step


def _saving_failed(state: RunData, event: ev.SavingFailed) -> None:
    state.unsaved = f"{event.what}: {event.error}" if event.error else ""


def _rolled_back(state: RunData, event: ev.RolledBack) -> None:
    restored = event.restored
    if restored is None:
        if isinstance(event.cause, RollBack) and event.saved_at is not None:
            leave(state, event.cause.id, event.to, "roll-back", min(event.saved_at, event.step))
        return
    state.knobs = {**state.knobs, **restored.knobs}
    if isinstance(event.cause, TakeRace):
        take(state, event, restored.undid)
    elif restored.redone:
        redo(state, event, restored.undid)
    else:
        undo(state, event, restored.undid)
    offer_branches(state)
    state.step, state.epoch, state.seconds = event.step, event.from_epoch, restored.seconds
    before = state.lengths
    state.epochs, state.plan, state.lr = restored.epochs, restored.plan, restored.lr
    if before or restored.plan.lengths:
        sizes = restored.plan.lengths[-1:] or before[:1]
        _follow_lengths(state, sizes[0].batch_size)
    state.optimizer, state.clip_grad_norm = restored.optimizer, restored.clip_grad_norm
    state.patience, state.min_delta = restored.patience, restored.min_delta
    state.early_stopping, state.bad_epochs, state.best = restored.early_stopping, restored.bad_epochs, restored.best


def _wheel_changed(state: RunData, event: ev.WheelChanged) -> None:
    state.wheel = event if event.holder else None


def _capabilities(state: RunData, event: ev.Capabilities) -> None:
    before, state.capabilities = state.capabilities, event
    if event.clip is not None and (before is None or before.clip != event.clip):
        state.clip_grad_norm = event.clip  # the loop says only in its first step where it clips
    state.knobs = {knob.name: knob.value for knob in event.knobs if not knob.refused}
    started = state.started
    if started is not None and event.steps_per_epoch not in (None, started.steps_per_epoch):
        state.started = started.model_copy(update={"steps_per_epoch": event.steps_per_epoch})
    if event.epochs is not None:
        state.epochs = event.epochs


def _rate_found(state: RunData, event: ev.RateFound) -> None:
    state.rate_found = event


def _guards_changed(state: RunData, event: ev.GuardsChanged) -> None:
    state.guards = event.guards


def _race_advanced(state: RunData, event: ev.RaceAdvanced) -> None:
    state.branches = races.advance(state.branches, event, MAX_BRANCHES)


def _raced(state: RunData, event: ev.Raced) -> None:
    id = event.cause.id if event.cause is not None else ""
    view = state.race or races.RaceView()
    if event.priced:
        state.race = view.model_copy(update={"price": event})
        return
    state.race = races.RaceView(
        id=id,
        step=event.step,
        steps=event.steps,
        price=view.price,
        outcome=event,
        interventions=state.interventions,
    )
    if event.interrupted:
        state.branches = [branch for branch in state.branches if not branch.id.startswith(f"{id}/")]


def _step_tried(state: RunData, event: ev.StepTried) -> None:
    state.step_tried = event


def _race_decided(state: RunData, event: ev.RaceDecided) -> None:
    state.race = races.decided(state.race, event)


def _knob_changed(state: RunData, event: ev.KnobChanged) -> None:
    state.knobs = {**state.knobs, event.name: event.value}
    if event.optimizer is not None:
        state.optimizer = event.optimizer
    built_in = state.capabilities is not None and state.capabilities.built_in
    if built_in and event.name == "clip" and isinstance(event.value, (int, float)):
        state.clip_grad_norm = float(event.value)


def _picture_taken(state: RunData, event: ev.PictureTaken) -> None:
    from tui_trainer.protocol.pictures import counts_of, heights

    state.pictures[event.name] = event
    for group in counts_of(event):
        history = state.histograms.setdefault(f"{event.name}/{group.name}", HistogramHistory())
        history.append(event.step, group.low, group.high, group.counts)
    for name, height in heights(event).items():
        state.histories.setdefault(f"{event.name}/{name}", Series()).append(event.step, height)


def _resources_measured(state: RunData, event: ev.ResourcesMeasured) -> None:
    state.memory, state.device_memory, state.cpu = event.memory, event.device_memory, event.cpu


def _run_finished(state: RunData, event: ev.RunFinished) -> None:
    state.status = "failed" if has_failed(event.reason, event.exit_code) else "finished"
    state.reason, state.detail, state.exit_code = event.reason, event.detail, event.exit_code
    state.finished_at, state.best = event.at, event.best or state.best
    state.wheel = None
    state.epoch, state.seconds = max(state.epoch, event.epoch), max(state.seconds, event.seconds)
    forget_undone(state)


NOT_LOGGED = (ev.Scalars, ev.LayersMeasured)
"""Frequent events, which are neither logged nor marked unless a command caused them."""

NOT_INTERVENED = (ev.Refused, ev.RunFinished)
"""Events that carry a command which did not change the training by them."""

MEASUREMENTS: dict[type[ev.Event], Any] = {
    ev.Scalars: _scalars,
    ev.EpochEnded: _epoch_ended,
    ev.LayersMeasured: _layers_measured,
}

FOLDS: dict[type[ev.Event], Any] = {
    ev.RunStarted: _run_started,
    ev.StatusChanged: _status_changed,
    ev.SchedulerChanged: _scheduler_changed,
    ev.SchedulePreview: _schedule_preview,
    ev.OptimizerChanged: _optimizer_changed,
    ev.SettingChanged: _setting_changed,
    ev.CheckpointSaved: _checkpoint_saved,
    ev.SavingFailed: _saving_failed,
    ev.RolledBack: _rolled_back,
    ev.Diagnosed: veil.diagnosed,
    ev.Noted: veil.read_note,
    ev.PictureTaken: _picture_taken,
    ev.ResourcesMeasured: _resources_measured,
    ev.Capabilities: _capabilities,
    ev.KnobChanged: _knob_changed,
    ev.RateFound: _rate_found,
    ev.GuardsChanged: _guards_changed,
    ev.RaceAdvanced: _race_advanced,
    ev.Raced: _raced,
    ev.RaceDecided: _race_decided,
    ev.StepTried: _step_tried,
    ev.WheelChanged: _wheel_changed,
    ev.RunFinished: _run_finished,
}
