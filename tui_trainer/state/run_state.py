"""The state of a run, folded from its events.

Hosts, viewers and the readers of journals all use `RunState.apply`, so the same events give the same state everywhere.
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.base import SampledCurve
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import describe, epoch_line, letter
from tui_trainer.state.pace import FORWARD_SHARE, SHARE_KNOWN, Pace
from tui_trainer.state.series import Series
from tui_trainer.state.series_batch import MIN_DIRECT, SeriesBatch
from tui_trainer.text import visible, visible_lines

LOG_LINES = 500
"""Newest log lines that are kept."""
MAX_MARKS = 5000
"""Marks that are kept; later ones are ignored."""
MAX_GHOSTS = 8
"""Newest ghosts that are kept."""
MAX_SCHEDULES = 8
"""Newest sampled schedules that are kept."""
GHOST_POINTS = 200
"""Points of a ghost curve."""
CLOCK = "seconds"
"""Name of the series with the seconds of training at each step."""
EVALUATIONS = "evaluations"
"""Name of the series with the number of gradient evaluations up to each step. Without it, each step is one."""
MEAN_TRAIN_LOSS = "mean_train_loss"
"""Name of the series with the mean training loss of each epoch; `train_loss` has that of each step."""


class Mark(BaseModel):
    """A vertical line on every chart: an intervention, with its sender."""

    model_config = ConfigDict(frozen=True)

    step: int
    letter: str
    text: str
    by: str = ""
    id: str = ""
    """Id of the command that caused it."""


class Ghost(BaseModel):
    """The thinned curve of a branch that an undo abandoned, from the step at which it began."""

    model_config = ConfigDict(frozen=True)

    name: str
    steps: list[int]
    values: list[float]


class LogLine(BaseModel):
    """One line of the log. Its text contains no control characters."""

    model_config = ConfigDict(frozen=True)

    at: str
    text: str
    kind: str
    """event, epoch, save, output, trainer or warning."""


def _load_series(value: Any) -> dict[str, Series]:
    return {name: item if isinstance(item, Series) else Series.from_state_dict(item) for name, item in value.items()}


def _dump_series(value: dict[str, Series]) -> dict[str, Any]:
    return {name: series.state_dict() for name, series in value.items()}


AllSeries = Annotated[dict[str, Series], PlainValidator(_load_series), PlainSerializer(_dump_series)]


class RunState(BaseModel):
    """Everything that a viewer shows of one run. Only `apply` changes it."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True, defer_build=True)

    run: str = ""
    seq: int = 0
    status: str = "starting"
    detail: str = ""
    reason: str = ""
    exit_code: int = 0
    started_at: str = ""
    finished_at: str = ""
    started: ev.RunStarted | None = None
    """The last `RunStarted` event: model, data and settings."""
    epochs: int = 0
    """Planned number of epochs."""
    epoch: int = 0
    """Completed epochs."""
    step: int = 0
    """Optimizer steps taken."""
    seconds: float = 0.0
    """Seconds of training, without pauses."""
    pace: Pace = Field(default_factory=Pace)
    lr: float = 0.0
    clip_grad_norm: float = 0.0
    monitor: str = "val_loss"
    early_stopping: bool = False
    patience: int = 0
    min_delta: float = 0.0
    bad_epochs: int = 0
    best: ev.Best | None = None
    plan: LrPlan | None = None
    schedules: list[ev.SchedulePreview] = []
    """The sampled curves of imported schedulers; plans arrive without them."""
    optimizer: AnyOptimizer | None = None
    memory: int = 0
    device_memory: int = 0
    cpu: float = 0.0
    unsaved: str = ""
    """The file that cannot be written at present, and the reason; empty if everything is saved."""
    layers: dict[str, ev.Layer] = {}
    series: AllSeries = {}
    marks: list[Mark] = []
    checkpoints: dict[str, int] = {}
    """Epoch of each checkpoint on disk, by name."""
    ghosts: list[Ghost] = []
    findings: dict[str, ev.Diagnosed] = {}
    pictures: dict[str, ev.PictureTaken] = {}
    histories: AllSeries = {}
    """Height of each bar of the pictures over the steps, by picture/group/label."""
    log: deque[LogLine] = Field(default_factory=lambda: deque(maxlen=LOG_LINES))

    def model_post_init(self, context: Any) -> None:
        if self.log.maxlen is None:
            self.log = deque(self.log, maxlen=LOG_LINES)
        self._attach_curve()

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self.status in ("finished", "failed")

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch, at least 1."""
        return max(self.started.steps_per_epoch, 1) if self.started else 1

    @property
    def total_steps(self) -> int:
        """Planned number of steps."""
        return self.epochs * self.steps_per_epoch

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric."""
        return {
            name: series.last
            for name, series in self.series.items()
            if series.last is not None and name not in (CLOCK, MEAN_TRAIN_LOSS)
        }

    def column(self, name: str) -> Series:
        """Return the series of a metric; create an empty one if there is none."""
        if name not in self.series:
            self.series[name] = Series()
        return self.series[name]

    def steps_per_second(self) -> float:
        """Return the steps per second of the newest steps, without validation and pauses; 0 if it is not known yet."""
        return self.pace.steps_per_second(self.series.get(CLOCK))

    def seconds_left(self, *, roughly: bool = False) -> float | None:
        """Return the seconds of training to the last planned step and its validation, None if they are not known.

        Args:
            roughly: also early in the run, and before the first validation was measured.
        """
        pace, total = self.pace, self.total_steps
        throughput = pace.steps_per_second(self.series.get(CLOCK), at_least=total * SHARE_KNOWN / 2)
        if self.over or not throughput:
            return None
        validates = self.started is not None and self.started.validation_samples > 0
        known = self.step >= total * SHARE_KNOWN and (pace.validated or not validates)
        if not known and not roughly:
            return None
        validation = self._validation_batches() * FORWARD_SHARE / throughput
        ends = pace.seconds_of_ends(self.epoch, self.epochs, validation)
        return max(total - self.step, 0) / throughput + ends

    def _validation_batches(self) -> float:
        started = self.started
        return started.validation_samples / started.batch_size if started is not None and started.batch_size else 0.0

    def apply(self, *events: ev.AnyEvent) -> None:
        """Fold events in order. An event that was folded before (by its `seq`) is ignored."""
        batch = SeriesBatch(self.column, self.layers)
        seq = self.seq
        for event in events:
            if event.seq:
                if event.seq <= seq:
                    continue
                seq = event.seq
            if event.run and event.run != self.run:  # attribute assignment is slow in pydantic
                self.run = event.run
            add_to_batch = _MEASUREMENTS.get(type(event))
            if add_to_batch is not None:
                add_to_batch(self, event, batch)
            else:
                batch.flush()
                fold = _FOLDS.get(type(event))
                if fold is not None:
                    fold(self, event)
            self._log(event)
        batch.flush()
        self.seq = seq
        if self.schedules:
            self._attach_curve()

    def _attach_curve(self) -> None:
        """Give the plan the newest sampled curve of its scheduler."""
        plan = self.plan
        if plan is None or plan.sampled_curve is not None:
            return
        for preview in reversed(self.schedules):
            if preview.scheduler == plan.scheduler and preview.base == plan.base:
                self.plan = plan.with_curve(SampledCurve(preview.steps, preview.lr))
                return

    def _log(self, event: ev.AnyEvent) -> None:
        """Add the log line and the mark of an event, if it has them."""
        if type(event) in _NOT_LOGGED and event.cause is None:
            return
        if isinstance(event, ev.Logged):
            for text in event.lines:
                for line in visible_lines(text):
                    self.log.append(LogLine(at=event.at, text=line, kind=event.source))
            return
        text = epoch_line(event, self.epochs) if isinstance(event, ev.EpochEnded) else describe(event)
        if text is None:
            return
        text = visible(text)
        warning = isinstance(event, (ev.Refused, ev.SavingFailed)) or (
            (isinstance(event, ev.RunFinished) and event.exit_code != 0)
            or (isinstance(event, ev.Diagnosed) and event.active and event.severity != "note")
        )
        kind = "warning" if warning else "epoch" if isinstance(event, ev.EpochEnded) else "event"
        if isinstance(event, ev.CheckpointSaved) and event.cause is None:
            kind = "save"
        if kind == "epoch" and self.log and self.log[-1].kind == "epoch" and self.log[-1].at[:19] == event.at[:19]:
            self.log.pop()  # keep only the last epoch of each second, so that fast epochs do not push out other lines
        self.log.append(LogLine(at=event.at, text=text, kind=kind))
        mark = letter(event)
        if mark and len(self.marks) < MAX_MARKS:
            by, id = (event.cause.by, event.cause.id) if event.cause is not None else ("", "")
            self.marks.append(Mark(step=event.step, letter=mark, text=text, by=visible(by), id=id))


def _run_started(state: RunState, event: ev.RunStarted) -> None:
    state.started, state.started_at = event, state.started_at or event.at
    state.reason, state.exit_code, state.finished_at = "", 0, ""
    state.epochs, state.plan, state.optimizer = event.epochs, event.plan, event.optimizer
    state.clip_grad_norm, state.monitor = event.clip_grad_norm, event.monitor
    state.early_stopping, state.patience, state.min_delta = event.early_stopping, event.patience, event.min_delta
    if event.plan is not None:
        state.lr = event.plan.rate(event.step)
    state.step = event.step
    state.pace.start(event.step, state.seconds)


def _status_changed(state: RunState, event: ev.StatusChanged) -> None:
    state.status, state.detail = event.status, event.detail


def _scalars(state: RunState, event: ev.Scalars, batch: SeriesBatch) -> None:
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


def _epoch_ended(state: RunState, event: ev.EpochEnded, batch: SeriesBatch) -> None:
    state.epoch, state.step = event.epoch, max(state.step, event.step)
    state.seconds = max(state.seconds, event.seconds)
    state.best, state.bad_epochs = event.best, event.bad_epochs
    validated = any(name.startswith("val_") for name in event.metrics)
    state.pace.epoch_ended(event.epoch, event.seconds, validated=validated)
    for name, value in event.metrics.items():
        batch.extend(MEAN_TRAIN_LOSS if name == "train_loss" else name, (event.step,), (value,))


def _layers_measured(_state: RunState, event: ev.LayersMeasured, batch: SeriesBatch) -> None:
    for name, layer in event.layers.items():
        measured = {field: value for field, value in layer.__dict__.items() if value is not None}
        batch.update_layer(name, measured)
        for measure in ("grad_norm", "update_ratio"):
            if measure in measured:
                batch.extend(f"{measure}/{name}", (event.step,), (measured[measure],))


def _scheduler_changed(state: RunState, event: ev.SchedulerChanged) -> None:
    state.plan, state.lr = event.plan, event.lr


def _schedule_preview(state: RunState, event: ev.SchedulePreview) -> None:
    state.schedules = [*state.schedules[1 - MAX_SCHEDULES :], event]
    if state.plan is not None:
        state.plan = state.plan.with_curve(None)  # the new curve may reach further


def _optimizer_changed(state: RunState, event: ev.OptimizerChanged) -> None:
    state.optimizer, state.plan, state.lr = event.optimizer, event.plan, event.lr


def _setting_changed(state: RunState, event: ev.SettingChanged) -> None:
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
        case _:
            pass


def _checkpoint_saved(state: RunState, event: ev.CheckpointSaved) -> None:
    state.checkpoints[event.name] = event.epoch


def _saving_failed(state: RunState, event: ev.SavingFailed) -> None:
    state.unsaved = f"{event.what}: {event.error}" if event.error else ""


def _rolled_back(state: RunState, event: ev.RolledBack) -> None:
    restored = event.restored
    if restored is None:
        return
    for name in ("train_loss", "val_loss"):
        if name in state.series:
            state.ghosts.append(_ghost(name, state.series[name], event.step))
    del state.ghosts[:-MAX_GHOSTS]
    for series in (*state.series.values(), *state.histories.values()):
        series.rewind(event.step)
    # Pictures of the abandoned branch show weights that no longer exist.
    state.pictures = {name: picture for name, picture in state.pictures.items() if picture.step <= event.step}
    undone = next((index for index, mark in enumerate(state.marks) if mark.id and mark.id == restored.undid), None)
    if undone is not None:
        del state.marks[undone:]
    state.step, state.epoch, state.seconds = event.step, event.from_epoch, restored.seconds
    state.pace.rewind(event.step, restored.seconds)
    state.epochs, state.plan, state.lr = restored.epochs, restored.plan, restored.lr
    state.optimizer, state.clip_grad_norm = restored.optimizer, restored.clip_grad_norm
    state.patience, state.min_delta = restored.patience, restored.min_delta
    state.early_stopping, state.bad_epochs, state.best = restored.early_stopping, restored.bad_epochs, restored.best


def _ghost(name: str, series: Series, step: int) -> Ghost:
    edges = [step + (series.last_step - step) * index / GHOST_POINTS for index in range(GHOST_POINTS + 1)]
    columns = [column for column in series.columns(edges) if column is not None] if series.last_step > step else []
    return Ghost(name=name, steps=[column.last for column in columns], values=[column.mean for column in columns])


def _diagnosed(state: RunState, event: ev.Diagnosed) -> None:
    state.findings[event.finding] = event


def _picture_taken(state: RunState, event: ev.PictureTaken) -> None:
    from tui_trainer.protocol.pictures import heights

    state.pictures[event.name] = event
    for name, height in heights(event).items():
        state.histories.setdefault(f"{event.name}/{name}", Series()).append(event.step, height)


def _resources_measured(state: RunState, event: ev.ResourcesMeasured) -> None:
    state.memory, state.device_memory, state.cpu = event.memory, event.device_memory, event.cpu


def _run_finished(state: RunState, event: ev.RunFinished) -> None:
    state.status = "failed" if event.exit_code == 1 else "finished"
    state.reason, state.detail, state.exit_code = event.reason, event.detail, event.exit_code
    state.finished_at, state.best = event.at, event.best or state.best
    state.epoch, state.seconds = max(state.epoch, event.epoch), max(state.seconds, event.seconds)


_NOT_LOGGED = (ev.Scalars, ev.LayersMeasured)
"""Frequent events, which are neither logged nor marked unless a command caused them."""

_MEASUREMENTS: dict[type[ev.Event], Any] = {
    ev.Scalars: _scalars,
    ev.EpochEnded: _epoch_ended,
    ev.LayersMeasured: _layers_measured,
}

_FOLDS: dict[type[ev.Event], Any] = {
    ev.RunStarted: _run_started,
    ev.StatusChanged: _status_changed,
    ev.SchedulerChanged: _scheduler_changed,
    ev.SchedulePreview: _schedule_preview,
    ev.OptimizerChanged: _optimizer_changed,
    ev.SettingChanged: _setting_changed,
    ev.CheckpointSaved: _checkpoint_saved,
    ev.SavingFailed: _saving_failed,
    ev.RolledBack: _rolled_back,
    ev.Diagnosed: _diagnosed,
    ev.PictureTaken: _picture_taken,
    ev.ResourcesMeasured: _resources_measured,
    ev.RunFinished: _run_finished,
}
