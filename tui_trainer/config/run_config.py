"""The full configuration of one run: the content of run.toml, and the input of the trainer."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tui_trainer.components.base import Component, Count, Decay, NonNegative, Whole, choices
from tui_trainer.components.datasets.base import Dataset
from tui_trainer.components.datasets.bundled import AnyDataset, Digits
from tui_trainer.components.datasets.loader import check_loader
from tui_trainer.components.early_stopping import EarlyStopping
from tui_trainer.components.losses import AnyLoss, CrossEntropy, Loss
from tui_trainer.components.models import MLP, AnyModel, Model
from tui_trainer.components.optimizers.first_order import Adam, AnyOptimizer, Optimizer
from tui_trainer.components.own_metrics import OwnMetric, check_metrics, names_measured
from tui_trainer.components.pictures import AnyPicture
from tui_trainer.components.schedulers.base import Scheduler
from tui_trainer.components.schedulers.builtin import AnyScheduler, Constant
from tui_trainer.config.action import PresetAction
from tui_trainer.config.guards.preset_guard import PresetGuard, check_conditions, check_guards
from tui_trainer.config.lesson import Lesson
from tui_trainer.config.permissions.allow import Allow, AllowField
from tui_trainer.config.teaching.drill import Drill
from tui_trainer.config.validation_sets import ValidationSet, check_monitor, check_sets
from tui_trainer.data.types import Task
from tui_trainer.text import visible

METRICS: dict[Task, tuple[str, ...]] = {
    "classification": ("loss", "accuracy"),
    "language": ("loss", "accuracy"),
    "regression": ("loss", "rmse", "r2"),
    "minimise": ("loss",),
}
"""Metrics measured for each task, without the prefix of the split (`train_`, `val_`)."""

_STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Checkpoints(BaseModel):
    """When checkpoints are saved during training. A checkpoint is always saved at the end."""

    model_config = _STRICT

    every_seconds: NonNegative = 5.0
    """Seconds of training between two checkpoints; more where saving would take over 1 % of the training time."""
    every_steps: Whole = 0
    """Steps between two checkpoints, whatever they cost; 0 turns this off."""
    every_epochs: Whole = 0
    """Epochs between two checkpoints, whatever they cost; 0 turns this off."""
    keep: Whole = 0
    """Number of epoch checkpoints to keep in addition to `last` and `best`."""


def _device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", name):
        raise ValueError(f"unknown device {visible(name[:80])!r}; use auto, cpu, cuda, cuda:N or mps")
    return name


class Training(BaseModel):
    """Length of the training, device, precision, and how often to measure."""

    model_config = _STRICT

    epochs: Count = 20
    """Number of passes over the training data."""
    seed: Whole = 0
    """Seed of the data split, the initial weights, the order of the samples and the dropout."""
    device: Annotated[str, AfterValidator(_device)] = "auto"
    """Device to train on: auto, cpu, cuda, cuda:N or mps. auto chooses CUDA if there is one, then MPS, then the CPU."""
    threads: Whole = 0
    """CPU threads per torch operation; 0 uses one thread for small models and torch's default for others."""
    clip_grad_norm: NonNegative = 0.0
    """Maximum global gradient norm; larger gradients are scaled down to it. 0 turns clipping off."""
    accumulate: Count = 1
    """Batches whose gradients are added up for one step: as one batch so many times as large, with the memory of one.
    Steps, schedule and every interval count optimizer steps."""
    average: Decay = 0.0
    """Decay of an exponential average of the weights, such as 0.999: it is validated too, as `average/val_loss`, and
    saved in every checkpoint. 0 turns this off."""
    precision: Literal["float32", "float64", "bfloat16", "float16"] = "float32"
    """Number format of the forward pass. bfloat16 and float16 use automatic mixed precision; float64 uses double
    precision for data, weights and gradients."""
    compile: bool = False
    """Compile the model with torch.compile. If that fails, the model runs uncompiled and the log gives the reason."""
    cuda_graphs: bool = False
    """Run forward and backward pass as CUDA graphs. If that is not possible, they run normally and the log gives the
    reason."""
    deterministic: bool = True
    """On a CUDA device, use torch's deterministic algorithms, so that a run can be resumed and replayed to the bit.
    Some operations are slower then. The CPU is always deterministic."""
    sharding: Literal["none", "fully-shard"] = "none"
    """Share of the model on each of several processes: none keeps all of it on each (DDP); fully-shard splits weights,
    gradients and optimizer state (FSDP2), for a model too large for one device. One process ignores this."""
    fast_path: Literal["auto", "off"] = "auto"
    """auto uses faster versions of a training step if they give the same bits; off always uses torch's own step."""
    validate_every: Count = 1
    """Number of epochs between two validations."""
    class_metrics: bool = False
    """Measure precision and recall of each class at each validation, as `class/<label>/recall`."""
    suboptimality_every: Whole = 0
    """Steps between two measurements of the suboptimality (f - f*) / (f0 - f*) of the full training objective f. It
    needs a known minimum f*: a quadratic, or a linear model with mean squared error. 0 turns this off."""
    norm_every: Count = 10
    """Steps between two measurements of the gradient norm. With clipping on, every step is measured."""
    layers_every: Whole = 100
    """Steps between two measurements of the layer statistics; 0 turns this off."""
    probe_every: Whole = 100
    """Steps between two step probes, which the diagnosis needs; early in the run probes are four times as frequent.
    0 turns this off."""
    system_load: bool = True
    """Record the load about once a second, as series: memory of the process and the device (peaks), CPU, the share of
    time spent waiting for data, and the cost of recording itself."""
    steps_per_second: NonNegative = 0.0
    """Maximum number of steps per second, to slow down a short training so that it can be controlled. 0: no limit."""


class RunConfig(BaseModel):
    """The configuration of one run. Each field is a key or a table of a preset."""

    model_config = _STRICT

    title: str = ""
    summary: str = ""
    group: str = ""
    narration: str = ""
    """Text that tells the user what to look at, shown next to the charts."""
    lesson: Lesson | None = None
    """Texts and remarks of the lecture, for presets that belong to it."""
    drill: Drill | None = None
    """Cause, choices and reference solution of a rescue drill, for presets of the group `drills`."""
    data: AnyDataset = Digits()
    model: AnyModel = MLP()
    loss: AnyLoss = CrossEntropy()
    """Loss function to minimise. Default: cross-entropy for classes and characters, mean squared error for numbers."""
    optimizer: AnyOptimizer = Adam()
    scheduler: AnyScheduler = Constant()
    validation_sets: dict[str, ValidationSet] | None = None
    """Further data sets that are measured at each validation, by name: `[validation_sets.shifted.data]`."""
    metrics: dict[str, OwnMetric] | None = None
    """Metrics of your own, by name: `[metrics.f1]` is measured as `val_f1`, drawn, and can be monitored."""
    training: Training = Training()
    checkpoints: Checkpoints = Checkpoints()
    early_stopping: EarlyStopping = EarlyStopping()
    actions: Annotated[tuple[PresetAction, ...], Field(exclude_if=lambda actions: not actions)] = ()
    """Commands that the run applies by itself, each with its moment, until a user steers: `[[actions]]`."""
    guards: Annotated[tuple[PresetGuard, ...], Field(exclude_if=lambda guards: not guards)] = ()
    """Rules that the run applies by itself, `when CONDITION: ACTION`: `[[guards]]`."""
    allow: AllowField = Allow()
    """Permissions of persons, scripts and agents while the run trains: commands, bounds, the largest change."""
    pictures: tuple[AnyPicture, ...] = ()
    """Pictures to record in addition to the curves. A name is enough for a picture with default settings."""

    @model_validator(mode="before")
    @classmethod
    def _kinds_by_default(cls, value: Any) -> Any:
        """Fill in the default `kind` of tables without one, and the usual loss of the task if none is set."""
        if not isinstance(value, dict):
            return value
        filled = dict(value)
        for name in ("data", "model", "optimizer", "scheduler"):
            table = filled.get(name)
            if isinstance(table, dict) and "kind" not in table:
                filled[name] = {"kind": cls.model_fields[name].default.kind, **table}
        model = filled.get("model")
        if model is None and _task(filled.get("data")) == "minimise":
            filled["model"] = {"kind": "point"}
        if isinstance(filled.get("pictures"), (str, dict)):
            filled["pictures"] = [filled["pictures"]]
        loss = filled.get("loss")
        if loss is None or (isinstance(loss, dict) and "kind" not in loss):
            filled["loss"] = {"kind": _usual_loss(filled.get("data")), **(loss or {})}
        return filled

    def located(self) -> Self:
        """Return the configuration with absolute paths of data, so that a run can resume from another directory."""
        sets = {
            name: one.model_copy(update={"data": one.data.located()})
            for name, one in (self.validation_sets or {}).items()
        }
        parts = {"data": self.data.located(), "model": self.model.located(), "validation_sets": sets or None}
        return self.model_copy(update=parts)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse combinations of settings that cannot work, as far as that is known before anything is built."""
        self.loss.fits(self.data.task, self.model.head)
        sets = self.validation_sets or {}
        check_sets(sets, self.data.task)
        if self.training.class_metrics and self.data.task != "classification":
            raise ValueError(f"training.class_metrics: this task ({self.data.task}) has no classes; leave it out")
        metrics = self.metrics or {}
        check_metrics(metrics, self.data.task)
        validated, trained = names_measured(metrics)
        check_monitor(
            self.early_stopping.monitor,
            METRICS[self.data.task] + trained,
            sets,
            class_metrics=self.training.class_metrics,
            validated=validated,
            average=self.training.average > 0,
        )
        check_guards(self.guards, metric_names(self))
        check_conditions([action.when for action in self.actions], metric_names(self))
        if self.data.task in ("regression", "minimise") and getattr(self.scheduler, "watch", "") == "val_error":
            raise ValueError("scheduler.watch: val_error is the share of wrong classes, but this task has no classes")
        check_loader(
            self.data,
            (picture.kind for picture in self.pictures),
            suboptimality=self.training.suboptimality_every,
        )
        for index, picture in enumerate(self.pictures):
            picture.fits(self.data, self.model, self.loss, self.optimizer)
            if any(other.kind == picture.kind for other in self.pictures[:index]):
                raise ValueError(f'pictures: "{picture.kind}" is listed twice')
        return self


def metric_names(config: RunConfig) -> set[str]:
    """Return the names of the metrics of a run, without those of further validation sets."""
    validated, trained = names_measured(config.metrics or {})
    own = METRICS[config.data.task]
    return {f"train_{name}" for name in own + trained} | {f"val_{name}" for name in own + validated}


def _task(data: Any) -> Any:
    """Return the task of a data set, or of the table that describes one."""
    if isinstance(data, dict):
        kind = choices(AnyDataset).get(str(data.get("kind")), Digits)
        return data.get("task", getattr(kind, "task", "classification"))
    return getattr(data, "task", "classification")


def _usual_loss(data: Any) -> str:
    return {"regression": "mse", "minimise": "value"}.get(_task(data), "cross-entropy")


FAMILIES: dict[str, type[Component]] = {
    "data": Dataset,
    "model": Model,
    "loss": Loss,
    "optimizer": Optimizer,
    "scheduler": Scheduler,
}
"""Base class of each family by table name. Its fields are shared by all kinds of the family."""
