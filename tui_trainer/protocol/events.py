"""What happens in a run. Events are facts: frozen, stamped by the hub, written to the journal in this form."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol.commands import AnyCommand

Status = Literal["starting", "running", "paused", "stopping", "finished", "failed"]
Reason = Literal["completed", "early-stopped", "stopped", "interrupted", "not-finite", "failed", "refused"]
Severity = Literal["alarm", "warning", "note"]
Number = float | None
"""A float; `null` on the wire where it was not finite."""


class Event(BaseModel):
    """One fact. The hub fills in `seq`, `at` and `run`.

    Fields may be added by later versions and are ignored by earlier ones; none is ever renamed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", defer_build=True)

    seq: int = 0
    at: str = ""
    """UTC, ISO 8601."""
    run: str = ""
    type: str
    step: int = 0
    """Optimizer steps that had been taken when it happened."""
    cause: AnyCommand | None = None
    """The command that caused it: who asked, and what replay applies again at `step`."""


class Best(BaseModel):
    """The best epoch so far, by the monitored metric."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    epoch: int
    step: int
    metric: str
    value: float


class RunStarted(Event):
    """A run is about to take its first step (or its first after a resume)."""

    type: Literal["RunStarted"] = "RunStarted"
    title: str = ""
    preset: str = ""
    config: dict[str, Any] = {}
    """The resolved configuration, as in run.toml."""
    path: str = ""
    """The run folder."""
    device: str = "cpu"
    task: str = ""
    parameters: int = 0
    """Trainable numbers in the model."""
    model: str = ""
    """The model in one line."""
    layers: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    """Of the layers, those that only scale and shift (norms): their gradients are not compared with those of others."""
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
    """Losses worth a line on the chart, by name."""
    known: dict[str, float] = {}
    """Other numbers that theory says of the data, by name: curvatures, rates, margins."""
    chance: Number = None
    """Loss of an output that treats all classes alike (ln K of cross-entropy); for numbers, of the best constant."""
    guessing: Number = None
    """Loss of the best output that is the same for every sample; null where a loss knows no such level."""
    plan: LrPlan | None = None
    optimizer: AnyOptimizer | None = None
    pid: int = 0
    host: str = ""


class StatusChanged(Event):
    """The run entered another state."""

    type: Literal["StatusChanged"] = "StatusChanged"
    status: Status
    epoch: int = 0
    detail: str = ""


class Scalars(Event):
    """Columns of measurements: `values[name][i]` belongs to `steps[i]` and `seconds[i]`.

    A value that was not finite is null here; `not_finite[name]` maps its position to what it was.
    """

    type: Literal["Scalars"] = "Scalars"
    steps: list[int]
    seconds: list[float]
    """Seconds of training since the run began (pauses left out)."""
    values: dict[str, list[Number]]
    not_finite: dict[str, dict[int, str]] = {}


class EpochEnded(Event):
    """An epoch is over and has been validated."""

    type: Literal["EpochEnded"] = "EpochEnded"
    epoch: int
    """Epochs ended, this one counted."""
    seconds: float
    metrics: dict[str, Number]
    """Of this epoch: `train_loss` is its mean over the samples."""
    lr: float = 0.0
    best: Best | None = None
    is_best: bool = False
    bad_epochs: int = 0
    """Epochs since the best one."""


class Layer(BaseModel):
    """One layer at one step: norms of the gradient and of the weights, and |update| / |weights|.

    At the end of some epochs, over the validation split: the deviation of its hidden units' activations, and the share
    of its ReLUs that no sample moved. What an event does not measure is null in it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", defer_build=True)

    grad_norm: Number = None
    weight_norm: Number = None
    update_ratio: Number = None
    activation_std: Number = None
    dead: Number = None


class LayersMeasured(Event):
    """Each layer by name, from input to output."""

    type: Literal["LayersMeasured"] = "LayersMeasured"
    layers: dict[str, Layer]


class LossBroke(Event):
    """The loss is no longer a number: what the trainer found when it looked for the cause."""

    type: Literal["LossBroke"] = "LossBroke"
    kind: str
    """nan, inf or -inf."""
    layer: str = ""
    """The first layer, from input to output, whose gradient or weights were no numbers; empty where it is not known."""
    data: bool = False
    """Whether the training data hold something that is no number."""


class SchedulerChanged(Event):
    """Another schedule shapes the rate from here on."""

    type: Literal["SchedulerChanged"] = "SchedulerChanged"
    plan: LrPlan
    lr: float
    """The rate in force from this step."""
    previous: str = ""
    """What it was, in words."""


class SchedulePreview(Event):
    """The sampled curve of an imported scheduler, from which viewers draw the coming rate without running its code."""

    type: Literal["SchedulePreview"] = "SchedulePreview"
    scheduler: AnyScheduler
    base: float
    """The learning rate with which the schedule began."""
    steps: list[int]
    """Numbers of calls of the scheduler's `step`, increasing from 0."""
    lr: list[float]
    """The learning rate from each of them until the next, before manual changes."""


class OptimizerChanged(Event):
    """Another optimizer takes the steps from here on, its state empty."""

    type: Literal["OptimizerChanged"] = "OptimizerChanged"
    optimizer: AnyOptimizer
    plan: LrPlan
    lr: float
    previous: str = ""


class SettingChanged(Event):
    """A setting of the running training: lr, clip_grad_norm, patience, min_delta, early_stopping, epochs."""

    type: Literal["SettingChanged"] = "SettingChanged"
    name: str
    value: float
    previous: float
    plan: LrPlan | None = None
    """The plan of the rate, where the change altered it."""


class CheckpointSaved(Event):
    """A checkpoint is on disk, synced and under its name."""

    type: Literal["CheckpointSaved"] = "CheckpointSaved"
    name: str
    epoch: int
    bytes: int = 0
    detail: str = ""


class SavingFailed(Event):
    """Something could not be written; training goes on. An empty `error` says that saving works again."""

    type: Literal["SavingFailed"] = "SavingFailed"
    what: str
    error: str = ""


class Restored(BaseModel):
    """What a run is back to after an intervention was taken back."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    from_step: int
    """The step at which it was taken back."""
    undid: str
    """The id of the command that was taken back, and with it everything after it."""
    seconds: float
    epochs: int
    lr: float
    clip_grad_norm: float
    patience: int
    min_delta: float
    early_stopping: bool
    bad_epochs: int
    plan: LrPlan
    optimizer: AnyOptimizer
    best: Best | None = None


class RolledBack(Event):
    """Weights and optimizer state of a checkpoint are back.

    After a roll-back the clock goes on. After an undo it does not: `step` is the step that the run is back at, and what
    was measured after it belongs to a branch that was left.
    """

    type: Literal["RolledBack"] = "RolledBack"
    to: str
    from_epoch: int
    """The epoch after which the checkpoint was taken."""
    saved_at: int | None = None
    """The step after which it was taken, where somebody asked to roll back to it."""
    restored: Restored | None = None
    """For an undo: everything that is as it was."""


class Diagnosed(Event):
    """What a rule sees in the curves, with its evidence and the key that acts on it; or that it sees it no longer."""

    type: Literal["Diagnosed"] = "Diagnosed"
    finding: str
    severity: Severity = "warning"
    active: bool = True
    """False where it held and does not hold any more."""
    again: bool = False
    """Whether it has been said before, and only its evidence is newer."""
    rank: int = 0
    """Its place in the order of decision: the active finding with the smallest is the headline."""
    epoch: int = 0
    """The epoch in which it was found first."""
    evidence: str = ""
    """In words."""
    numbers: dict[str, Number] = {}
    """The same as numbers, by name."""
    advice: str = ""
    key: str = ""
    """The keys that act on it, in the order in which they are pressed, with spaces between; empty where none does."""


class PictureTaken(Event):
    """A small 2-D picture of the run: rows of numbers with what they mean."""

    type: Literal["PictureTaken"] = "PictureTaken"
    name: str
    kind: str
    """lines, bars, heat, contour or points: which drawing of `protocol.pictures` the data is."""
    epoch: int = 0
    """Epochs that had ended."""
    data: dict[str, Any] = {}
    numbers: dict[str, Number] = {}
    """What a check or a person reads off it, in full precision; null where it was not finite."""


class Noted(Event):
    """A remark of a person."""

    type: Literal["Noted"] = "Noted"
    text: str


class Logged(Event):
    """Lines that the process printed, or a message of the trainer."""

    type: Literal["Logged"] = "Logged"
    lines: list[str]
    source: Literal["output", "trainer"] = "output"


class ResourcesMeasured(Event):
    """What the host process uses. Sent to viewers, not kept in the journal."""

    type: Literal["ResourcesMeasured"] = "ResourcesMeasured"
    memory: int
    """Resident bytes of the process."""
    device_memory: int = 0
    """Bytes allocated on the accelerator."""
    cpu: float = 0.0
    """Cores in use since the last measurement."""


class Refused(Event):
    """A command was not obeyed, and why."""

    type: Literal["Refused"] = "Refused"
    reason: str


class RunFinished(Event):
    """The run is over. Nothing follows."""

    type: Literal["RunFinished"] = "RunFinished"
    reason: Reason
    detail: str = ""
    """The reason in words."""
    epoch: int = 0
    seconds: float = 0.0
    metrics: dict[str, Number] = {}
    """The last value of each metric."""
    best: Best | None = None
    exit_code: int = 0


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
    | RunFinished,
    Field(discriminator="type"),
]
"""Every event. A new one is a class above, its name here, and a method of `RunState`."""

EVENTS: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent, config=ConfigDict(defer_build=True))
