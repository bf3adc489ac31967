"""Metrics of the user's own, measured beside the loss and the metric of the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from tui_trainer.components.base import Arguments, ImportPath
from tui_trainer.components.early_stopping import is_known
from tui_trainer.paths import NAME

TAKEN = ("loss", "accuracy", "rmse", "r2", "error")
"""Names of metrics that the program measures itself."""


class OwnMetric(BaseModel):
    """A metric by import path: `function(outputs, targets, **arguments)` returns a number.

    At each validation it is called once, with the outputs of the model for all samples and their targets: class ids, or
    numbers in the units of the data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    runs_code: ClassVar[bool] = True

    path: ImportPath = ""
    """Function or class, as `module:name`; objects of a class are called."""
    arguments: Annotated[Arguments, Field(default_factory=dict)]
    """Further keyword arguments, of the function or the class."""
    train: bool = False
    """Measure it on each training batch too: `train_<name>` is the mean over the samples of the epoch."""


def check_metrics(metrics: Mapping[str, OwnMetric], task: str) -> None:
    """Raise `ValueError` for a metric with an unusable name, or without code."""
    for name, metric in metrics.items():
        key = f"metrics.{name}"
        if not NAME.fullmatch(name) or name in TAKEN or name.startswith(("train_", "val_", "test_")):
            raise ValueError(
                f"{key}: use letters, digits, dots, dashes and underscores for the name, none of {', '.join(TAKEN)}, "
                "and no split such as val_: that is added"
            )
        if task == "minimise":
            raise ValueError(f"{key}: a function to minimise has no targets to measure with; leave it out")
        if not metric.path:
            raise ValueError(f'{key}.path: missing; name the code as "module:function"')
        if not is_known(name):
            raise ValueError(
                f"{key}: the name does not tell which values are better; add a word that does, such as "
                f"{name}_score for larger or {name}_error for smaller ones"
            )


def names_measured(metrics: Mapping[str, OwnMetric]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of all metrics, and of those that are measured on the training batches."""
    return tuple(metrics), tuple(name for name, metric in metrics.items() if metric.train)
