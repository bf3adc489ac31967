"""The reducer: a function for each event that changes the state of a run."""

from __future__ import annotations

from array import array
from typing import Any, Literal

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Redo, RollBack, TakeRace, Undo
from tui_trainer.state.branches import BRANCH_POINTS, CURVES, Branch, UndoneBranch, thinned
from tui_trainer.state.drills import veil
from tui_trainer.state.histogram_history import HistogramHistory
from tui_trainer.state.races import view as races
from tui_trainer.state.run_data import CLOCK, MEAN_TRAIN_LOSS, RunData
from tui_trainer.state.series import Series
from tui_trainer.state.series_batch import MIN_DIRECT, SeriesBatch
from tui_trainer.state.series_names import LAYER_SILENT, LAYER_WEIGHTS

MAX_GHOSTS = 8
"""Newest ghosts that are kept."""
MAX_BRANCHES = 8
"""Newest branches that are kept."""
MAX_UNDONE = 16
"""Newest interventions that an undo takes back, or a redo: those that the trainer keeps snapshots of."""
MAX_SCHEDULES = 8
"""Newest sampled schedules that are kept."""
GHOST_POINTS = 200
"""Points of a ghost curve."""


def _run_started(state: RunData, event: ev.RunStarted) -> None:
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


def _saving_failed(state: RunData, event: ev.SavingFailed) -> None:
    state.unsaved = f"{event.what}: {event.error}" if event.error else ""


def _rolled_back(state: RunData, event: ev.RolledBack) -> None:
    restored = event.restored
    if restored is None:
        if isinstance(event.cause, RollBack) and event.saved_at is not None:
            _leave(state, event.cause.id, event.to, "roll-back", min(event.saved_at, event.step))
        return
    state.knobs = {**state.knobs, **restored.knobs}
    if isinstance(event.cause, TakeRace):
        _take(state, event, restored.undid)
    elif restored.redone:
        _redo(state, event, restored.undid)
    else:
        _undo(state, event, restored.undid)
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


def _undo(state: RunData, event: ev.RolledBack, undid: str) -> None:
    """Remove what came after an intervention, and keep it for a redo."""
    index = next((index for index, mark in enumerate(state.marks) if mark.id and mark.id == undid), len(state.marks))
    step = event.step
    removed = UndoneBranch(
        id=undid,
        step=step,
        interventions=state.interventions,
        branches=state.branches,
        ghosts=state.ghosts,
        marks=state.marks[index:],
        kept_marks=index,
        pictures={name: picture for name, picture in state.pictures.items() if picture.step > step},
    )
    state.ghosts = [
        *state.ghosts,
        *(thinned(name, state.series[name], step, GHOST_POINTS) for name in CURVES if name in state.series),
    ][-MAX_GHOSTS:]
    state.branches = [branch for branch in state.branches if branch.left_by != "roll-back" or branch.id != undid]
    # A loop that goes on left the branch of the steps since the intervention.
    _leave(state, undid, event.to, "undo", step if event.saved_at is None else min(event.saved_at, step))
    removed.series = {name: series.split(step) for name, series in state.series.items()}
    removed.histories = {name: series.split(step) for name, series in state.histories.items()}
    removed.histograms = {name: history.split(step) for name, history in state.histograms.items()}
    removed.waits = {"waits": state.pace.waits.split(step)}
    # Pictures of the abandoned branch show weights that no longer exist.
    state.pictures = {name: picture for name, picture in state.pictures.items() if picture.step <= step}
    del state.marks[index:]
    if event.restored is not None:
        state.pace.rewind(step, event.restored.seconds)
    state.interventions = _before(state.interventions, undid)
    state.undone = [*state.undone[1 - MAX_UNDONE :], removed]


def _take(state: RunData, event: ev.RolledBack, race: str) -> None:
    """Go back to where a race began, whose settings are taken: what came since is a branch that stays."""
    interventions = state.race.interventions if state.race is not None else []
    _undo(state, event, race)
    state.undone, state.interventions = [], interventions
    state.marks = [mark for mark in state.marks if mark.step <= event.step]
    gone = {races.branch_id(race, event.cause.lane)} if isinstance(event.cause, TakeRace) else set[str]()
    left = [branch for branch in state.branches if branch.id not in gone and branch.end > branch.start]
    without = f"the run without {event.to}"
    state.branches = [b if b.id != race else b.model_copy(update={"what": without}) for b in left]
    state.race = races.decided(state.race, event)


def _redo(state: RunData, event: ev.RolledBack, undid: str) -> None:
    """Put back what the last undo removed, in place of what came since."""
    if not state.undone or state.undone[-1].step is None:
        return
    branch = state.undone[-1]
    step = branch.step if branch.step is not None else event.step
    state.undone = state.undone[:-1]
    state.branches, state.ghosts = branch.branches, branch.ghosts
    if state.step > step:
        _leave(state, undid, event.to, "redo", step)
    for own, removed in ((state.series, branch.series), (state.histories, branch.histories)):
        for name, series in own.items():
            series.join(step, removed.get(name, Series()))
    for name, history in state.histograms.items():
        history.join(step, branch.histograms.get(name, HistogramHistory()))
    state.pace.waits.join(step, branch.waits.get("waits", Series()))
    if event.restored is not None:
        state.pace.rewind(event.step, event.restored.seconds)
    state.pictures = {
        **{name: picture for name, picture in state.pictures.items() if picture.step <= step},
        **branch.pictures,
    }
    state.marks[branch.kept_marks :] = branch.marks
    state.interventions = branch.interventions


def _leave(state: RunData, id: str, what: str, left_by: Literal["undo", "redo", "roll-back"], start: int) -> None:
    """Keep the curves of a branch that is left now, from `start` on."""
    curves = {name: thinned(name, state.series[name], start, BRANCH_POINTS) for name in CURVES if name in state.series}
    branch = Branch(id=id, what=what, left_by=left_by, start=start, end=max(state.step, start), curves=curves)
    state.branches = [*state.branches[1 - MAX_BRANCHES :], branch]


def _before(interventions: list[str], undid: str) -> list[str]:
    """Return the interventions before the newest one with this id."""
    for index in range(len(interventions) - 1, -1, -1):
        if interventions[index] == undid:
            return interventions[:index]
    return interventions[:-1]


def intervene(state: RunData, id: str) -> None:
    """Take in that a command was applied that an undo takes back: nothing can be redone any more."""
    if not id or state.interventions[-1:] != [id]:
        state.interventions = [*state.interventions[1 - MAX_UNDONE :], id]
    state.undone = []
    offer_branches(state)


def forget_undone(state: RunData) -> None:
    """Take in that the run ended or was resumed: nothing can be undone, redone or taken any more."""
    state.undone, state.interventions, state.race = [], [], None
    offer_branches(state)


def offer_branches(state: RunData) -> None:
    """Set for each branch which command takes it up again."""
    redo = state.undone[-1].id if state.undone and state.undone[-1].step is not None else None
    undo = state.interventions[-1] if state.interventions else None
    newest = max((index for index, branch in enumerate(state.branches) if branch.left_by == "undo"), default=-1)
    branches: list[Branch] = []
    for index, branch in enumerate(state.branches):
        take_up: Literal["undo", "redo", ""] = ""
        if branch.left_by == "undo" and index == newest and branch.id == redo:
            take_up = "redo"
        elif branch.left_by == "roll-back" and branch.id == undo:
            take_up = "undo"
        branches.append(branch if branch.take_up == take_up else branch.model_copy(update={"take_up": take_up}))
    state.branches = branches


def _wheel_changed(state: RunData, event: ev.WheelChanged) -> None:
    state.wheel = event if event.holder else None


def _capabilities(state: RunData, event: ev.Capabilities) -> None:
    state.capabilities = event
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
    state.status = "failed" if event.exit_code == 1 else "finished"
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
