"""One run, fully described: what run.toml holds and what a trainer is built from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from tui_trainer.components.base import Component, Count, NonNegative, Whole, choices
from tui_trainer.components.datasets.base import Dataset
from tui_trainer.components.datasets.bundled import AnyDataset, Digits
from tui_trainer.components.early_stopping import EarlyStopping
from tui_trainer.components.losses import AnyLoss, CrossEntropy, Loss
from tui_trainer.components.models import MLP, AnyModel, Model
from tui_trainer.components.optimizers.first_order import Adam, AnyOptimizer, Optimizer
from tui_trainer.components.pictures import AnyPicture
from tui_trainer.components.schedulers.base import Scheduler
from tui_trainer.components.schedulers.builtin import AnyScheduler, Constant
from tui_trainer.config.lesson import Lesson
from tui_trainer.data.types import Task
from tui_trainer.errors import did_you_mean
from tui_trainer.text import visible

METRICS: dict[Task, tuple[str, ...]] = {
    "classification": ("loss", "accuracy"),
    "language": ("loss", "accuracy"),
    "regression": ("loss", "rmse", "r2"),
    "minimise": ("loss",),
}
"""What is measured for each task, without the name of the split."""

_STRICT = ConfigDict(frozen=True, extra="forbid")


class Checkpoints(BaseModel):
    """How often the run is saved while it trains. It is always saved when it ends."""

    model_config = _STRICT

    every_seconds: NonNegative = 5.0
    """Seconds of training between two saves; at this pace saving never takes more than a hundredth of the time."""
    every_steps: Whole = 0
    """Steps between two saves, whatever they cost; 0 for none."""
    every_epochs: Whole = 0
    """Epochs between two saves, whatever they cost; 0 for none."""
    keep: Whole = 0
    """How many of the saves at an epoch's end are kept beside `last` and `best`."""


def _device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", name):
        raise ValueError(f"{visible(name[:80])!r} is not a device: auto, cpu, cuda, cuda:N or mps")
    return name


class Training(BaseModel):
    """How long, where, and how exactly."""

    model_config = _STRICT

    epochs: Count = 20
    """Passes over the training data."""
    seed: Whole = 0
    """What the split, the first weights, the order of the samples and the dropout are drawn from."""
    device: Annotated[str, AfterValidator(_device)] = "auto"
    """auto takes CUDA, then MPS, then the CPU."""
    threads: Whole = 0
    """Threads of one torch operation on the CPU; 0 takes one for a small model, torch's choice for others."""
    clip_grad_norm: NonNegative = 0.0
    """Largest global gradient norm; larger gradients are scaled down to it. 0 for no clipping."""
    precision: Literal["float32", "float64", "bfloat16", "float16"] = "float32"
    """The type of the forward pass; the two short ones use automatic mixed precision. In float64 all is double: data,
    weights and gradients."""
    compile: bool = False
    """Compile the model with torch.compile; a model that cannot be compiled runs as it is, and the log says so."""
    cuda_graphs: bool = False
    """Replay forward and backward pass as CUDA graphs; where that cannot be, they run as ever and the log says so."""
    fast_path: Literal["auto", "off"] = "auto"
    """auto uses faster versions of a training step where they give the same bits; off always takes torch's own step."""
    validate_every: Count = 1
    """Epochs between two validations."""
    suboptimality_every: Whole = 0
    """Steps between two measurements of (f - f*) / (f0 - f*) of the whole training objective f, where its least value
    f* is known: a quadratic, or a linear model fitted by the mean square. 0 for none."""
    norm_every: Count = 10
    """Steps between two measurements of the gradient norm; with clipping on, each step is measured."""
    layers_every: Whole = 100
    """Steps between two measurements of every layer; 0 for none."""
    probe_every: Whole = 100
    """Steps between two close looks at a step, for the diagnosis; four times as many in the beginning. 0 for none."""
    steps_per_second: NonNegative = 0.0
    """Steps in a second at most, where a person is to steer what would be over at once; 0 for no limit."""


class RunConfig(BaseModel):
    """A run. The tables of a preset are its fields."""

    model_config = _STRICT

    title: str = ""
    summary: str = ""
    group: str = ""
    narration: str = ""
    """What to look at, for people: told beside the charts."""
    lesson: Lesson | None = None
    """What to look at and when, for the presets of the lecture."""
    data: AnyDataset = Digits()
    model: AnyModel = MLP()
    loss: AnyLoss = CrossEntropy()
    """What is minimised; where none is given, cross-entropy for classes and symbols, mean squared error for numbers."""
    optimizer: AnyOptimizer = Adam()
    scheduler: AnyScheduler = Constant()
    training: Training = Training()
    checkpoints: Checkpoints = Checkpoints()
    early_stopping: EarlyStopping = EarlyStopping()
    pictures: tuple[AnyPicture, ...] = ()
    """What the run shows of itself beside its curves; the name of a picture alone will do."""

    @model_validator(mode="before")
    @classmethod
    def _kinds_by_default(cls, value: Any) -> Any:
        """A table without a `kind` is one of the default kind; a run without a loss has its task's usual one."""
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

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """What can be known without building: pairs that make no sense are refused here, in words that teach."""
        self.loss.fits(self.data.task, self.model.head)
        names = [f"{split}_{metric}" for split in ("val", "train") for metric in METRICS[self.data.task]]
        if self.early_stopping.monitor not in names:
            hint = did_you_mean(self.early_stopping.monitor, names)
            raise ValueError(f"early_stopping.monitor: {self.early_stopping.monitor!r} is not measured; {hint}")
        if self.data.task in ("regression", "minimise") and getattr(self.scheduler, "watch", "") == "val_error":
            raise ValueError("scheduler.watch: val_error is the share of wrong classes, and here there are no classes")
        for place, shot in enumerate(self.pictures):
            shot.fits(self.data, self.model, self.loss, self.optimizer)
            if any(other.kind == shot.kind for other in self.pictures[:place]):
                raise ValueError(f'pictures: "{shot.kind}" is there twice')
        return self


def _task(data: Any) -> Any:
    """What is learned from a data set, or from the table that describes one."""
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
"""The base class of each family by its table: its fields are what all kinds share."""
