"""The events of a run: frozen facts, stamped by the event bus and written to the journal in this form."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.components.schedulers.script import AnyPlanScheduler
from tui_trainer.protocol.control_events import ActionRun, Capabilities, KnobChanged, RateFound, WheelChanged
from tui_trainer.protocol.event_base import Event
from tui_trainer.protocol.event_records import Best, FindingAction, Layer, Number, Reason, Restored, Severity, Status
from tui_trainer.protocol.guards.events import GuardsChanged, StepSkipped
from tui_trainer.protocol.race.race_events import RaceAdvanced, Raced, RaceDecided
from tui_trainer.protocol.race.trial_events import StepTried


class RunStarted(Event):
    """Training begins, or continues after a resume."""

    type: Literal["RunStarted"] = "RunStarted"
    title: str = ""
    preset: str = ""
    config: dict[str, Any] = {}
    """The resolved configuration, as in run.toml."""
    path: str = ""
    """The run directory."""
    device: str = "cpu"
    task: str = ""
    parameters: int = 0
    """Trainable numbers in the model."""
    model: str = ""
    """The model in one line."""
    layers: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    """Layers that only scale and shift (norms). Their gradients are not compared with those of other layers."""
    data: str = ""
    """The data in one line."""
    train_samples: int = 0
    validation_samples: int = 0
    batch_size: int = 0
    steps_per_epoch: int = 1
    epochs: int = 0
    clip_grad_norm: float = 0.0
    patience: int = 0
    min_delta: float = 0.0
    early_stopping: bool = False
    monitor: str = "val_loss"
    metric: str = ""
    """The task's own metric without its prefix ("accuracy", "rmse")."""
    loss: str = ""
    precision: str = "float32"
    references: dict[str, float] = {}
    """Losses that the chart marks with a line, by name."""
    known: dict[str, float] = {}
    """Other theoretical values of the data, by name: curvatures, rates, margins."""
    chance: Number = None
    """Loss of a uniform prediction (ln K for cross-entropy); for regression, of the best constant."""
    guessing: Number = None
    """Loss of the best prediction that is the same for every sample; null for losses without one."""
    plan: LrPlan | None = None
    optimizer: AnyOptimizer | None = None
    pid: int = 0
    host: str = ""
    color: int | None = None
    """The number of the hue that the run was given when its set was made; None in runs of earlier versions."""

    @property
    def counts_lines(self) -> bool:
        """Whether the steps that follow are lines of a script's output: nothing else of the script is known yet."""
        return self.task == "script" and not self.device


class StatusChanged(Event):
    """The status of the run changed."""

    type: Literal["StatusChanged"] = "StatusChanged"
    status: Status
    epoch: int = 0
    detail: str = ""


class Scalars(Event):
    """Columns of measurements: `values[name][i]` belongs to `steps[i]` and `seconds[i]`.

    A value that was not finite is null; `not_finite[name]` maps its position to "nan", "inf" or "-inf".
    """

    type: Literal["Scalars"] = "Scalars"
    steps: list[int]
    seconds: list[float]
    """Seconds of training since the run began, without pauses."""
    values: dict[str, list[Number]]
    not_finite: dict[str, dict[int, str]] = {}


class EpochEnded(Event):
    """An epoch ended and was validated."""

    type: Literal["EpochEnded"] = "EpochEnded"
    epoch: int
    """Epochs completed, including this one."""
    seconds: float
    metrics: dict[str, Number]
    """Metrics of this epoch. `train_loss` is the mean over its samples."""
    lr: float = 0.0
    """The rate at its end; 0 where it is not known."""
    best: Best | None = None
    is_best: bool = False
    bad_epochs: int = 0
    """Epochs since the best one."""


class LayersMeasured(Event):
    """Statistics of each layer, by name, from input to output."""

    type: Literal["LayersMeasured"] = "LayersMeasured"
    layers: dict[str, Layer]


class LossBroke(Event):
    """The loss, or what would be saved, became non-finite; with the cause, as far as the trainer found it."""

    type: Literal["LossBroke"] = "LossBroke"
    kind: str
    """Its value: nan, inf or -inf."""
    what: str = "loss"
    """The loss, or the name of the parameter, buffer or optimizer tensor where every loss is finite."""
    layer: str = ""
    """First layer, from input to output, with non-finite gradient or weights; empty if unknown."""
    data: bool = False
    """Whether the training data contain a non-finite value."""


class SchedulerChanged(Event):
    """Another schedule is used from this step on."""

    type: Literal["SchedulerChanged"] = "SchedulerChanged"
    plan: LrPlan
    lr: float
    """Learning rate from this step on."""
    previous: str = ""
    """The previous schedule, in words."""


class SchedulePreview(Event):
    """The sampled curve of an imported scheduler, from which viewers draw the coming rate without running its code."""

    type: Literal["SchedulePreview"] = "SchedulePreview"
    scheduler: AnyPlanScheduler
    base: float
    """The learning rate with which the schedule began."""
    steps: list[int]
    """Numbers of calls of the scheduler's `step`, increasing from 0."""
    lr: list[float]
    """The learning rate from each of them until the next, before manual changes."""


class OptimizerChanged(Event):
    """Another optimizer, or one with other settings, is used from this step on."""

    type: Literal["OptimizerChanged"] = "OptimizerChanged"
    optimizer: AnyOptimizer
    plan: LrPlan
    lr: float
    previous: str = ""
    averages: Literal["", "kept", "partly kept", "reset"] = ""
    """The state of the previous optimizer; empty if there was none, and in events of earlier versions."""


class SettingChanged(Event):
    """A setting changed: lr, clip_grad_norm, patience, min_delta, early_stopping or epochs."""

    type: Literal["SettingChanged"] = "SettingChanged"
    name: str
    value: float
    previous: float
    plan: LrPlan | None = None
    """The new learning-rate plan, if the change altered it."""


class CheckpointSaved(Event):
    """A checkpoint was saved: it is on disk, synced and under its name."""

    type: Literal["CheckpointSaved"] = "CheckpointSaved"
    name: str
    epoch: int
    bytes: int = 0
    detail: str = ""


class SavingFailed(Event):
    """Something could not be written, or, with an empty `error`, saving has recovered. Training continues."""

    type: Literal["SavingFailed"] = "SavingFailed"
    what: str
    error: str = ""


class RolledBack(Event):
    """Weights and optimizer state were restored, by a roll-back, an undo or a redo.

    After a roll-back the step count continues. After an undo the run is back at `step`, and an abandoned branch begins
    there. After a redo the run is that branch again, up to `step`; the one since the undo is abandoned.
    """

    type: Literal["RolledBack"] = "RolledBack"
    to: str
    from_epoch: int
    """Epoch after which the checkpoint was saved."""
    saved_at: int | None = None
    """Step after which the checkpoint was saved, for a roll-back that a command asked for."""
    restored: Restored | None = None
    """For an undo or a redo: the restored settings."""


class Diagnosed(Event):
    """A finding of the diagnosis, with its evidence and what to do about it; or the end of one."""

    type: Literal["Diagnosed"] = "Diagnosed"
    finding: str
    severity: Severity = "warning"
    active: bool = True
    """False if the finding is resolved."""
    again: bool = False
    """Whether the finding was reported before, and only its evidence is new."""
    rank: int = 0
    """Priority: the active finding with the smallest rank is the headline."""
    epoch: int = 0
    """Epoch in which it was found first."""
    evidence: str = ""
    """The evidence, in words."""
    numbers: dict[str, Number] = {}
    """The evidence as numbers, by name."""
    advice: str = ""
    key: str = ""
    """The usual keys of the actions, in order, separated by spaces; empty if no key acts on it."""
    title: str = ""
    """The finding in a few plain words; empty in journals of earlier versions."""
    why: str = ""
    """Why it matters, in one sentence."""
    since_step: int | None = None
    """First step of the evidence."""
    until_step: int | None = None
    """Last step of the evidence."""
    likely_cause: str = ""
    """The intervention from which it follows, in words; empty if none explains it."""
    cause_step: int | None = None
    """Step of that intervention."""
    cause_id: str = ""
    """Id of its command."""
    actions: tuple[FindingAction, ...] = ()
    """Actions that may help, the most useful first; at most three."""
    bars: dict[str, Number] = {}
    """The evidence by layer."""
    threshold: Number = None
    """The value of a bar beyond which the rule holds."""
    curve: str = ""
    """Name of the series in which the evidence is seen."""


class PictureTaken(Event):
    """A picture of the run was recorded: small 2-D data."""

    type: Literal["PictureTaken"] = "PictureTaken"
    name: str
    kind: str
    """Kind of the drawing in `protocol.pictures`: lines, bars, heat, contour, points, histogram or answers."""
    epoch: int = 0
    data: dict[str, Any] = {}
    numbers: dict[str, Number] = {}
    """Its numbers in full precision, for checks and readers; null where not finite."""


class Noted(Event):
    """A note by the user."""

    type: Literal["Noted"] = "Noted"
    text: str


class Logged(Event):
    """Lines that the process printed, or a message of the trainer."""

    type: Literal["Logged"] = "Logged"
    lines: list[str]
    source: Literal["output", "trainer"] = "output"


class ResourcesMeasured(Event):
    """Resources that the host process uses. Sent to viewers, but not kept in the journal."""

    type: Literal["ResourcesMeasured"] = "ResourcesMeasured"
    memory: int
    """Resident bytes of the process."""
    device_memory: int = 0
    """Bytes allocated on the accelerator."""
    cpu: float = 0.0
    """Mean number of busy cores since the last measurement."""


class Refused(Event):
    """A command was refused, with the reason."""

    type: Literal["Refused"] = "Refused"
    reason: str


class RunFinished(Event):
    """The run ended. This is its last event."""

    type: Literal["RunFinished"] = "RunFinished"
    reason: Reason
    detail: str = ""
    epoch: int = 0
    seconds: float = 0.0
    metrics: dict[str, Number] = {}
    best: Best | None = None
    exit_code: int = 0
    saved: str = ""
    """For a run that was stopped: what is on disk of it, in words."""


AnyEvent = Annotated[
    RunStarted
    | StatusChanged
    | Scalars
    | EpochEnded
    | LayersMeasured
    | LossBroke
    | SchedulerChanged
    | SchedulePreview
    | OptimizerChanged
    | SettingChanged
    | CheckpointSaved
    | SavingFailed
    | RolledBack
    | Diagnosed
    | PictureTaken
    | Noted
    | Logged
    | ResourcesMeasured
    | Refused
    | Capabilities
    | KnobChanged
    | ActionRun
    | RateFound
    | GuardsChanged
    | StepSkipped
    | RaceAdvanced
    | Raced
    | RaceDecided
    | StepTried
    | WheelChanged
    | RunFinished,
    Field(discriminator="type"),
]
"""Every event. To add one: a class above, its name here, and a function in `state/reducer.py`."""

EVENTS: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent, config=ConfigDict(defer_build=True))
