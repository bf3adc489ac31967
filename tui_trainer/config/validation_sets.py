"""Further validation sets of a run: data that is measured at each validation beside the validation split."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from tui_trainer.components.datasets.bundled import AnyDataset
from tui_trainer.errors import did_you_mean
from tui_trainer.paths import NAME

RESERVED = ("axis", "class", "system", "grad_norm", "update_ratio", "coordinate", "train", "val", "test")
"""Names that would clash with groups of series, or read like the run's own splits."""


class ValidationSet(BaseModel):
    """A data set that is measured at each validation; its series are `<name>/loss`, `<name>/accuracy` and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    data: AnyDataset
    """The samples. They are standardised with the mean and deviation of the training split."""
    part: Literal["validation", "all"] = "validation"
    """validation measures the part that `data.validation` holds out with the seed of the run: with the samples and the
    share of the training data, no sample that was trained on. all measures every sample, for a file of its own."""


def check_sets(sets: dict[str, ValidationSet], task: str) -> None:
    """Raise `ValueError` for a set that cannot be measured with a task."""
    for name, one in sets.items():
        key = f"validation_sets.{name}"
        if not NAME.fullmatch(name) or name in RESERVED:
            raise ValueError(
                f"{key}: use letters, digits, dots, dashes and underscores for the name, and none of "
                f"{', '.join(RESERVED)}"
            )
        if task not in ("classification", "regression"):
            raise ValueError(f"{key}: further sets can be measured for classes and numbers, and this task is {task}")
        if one.data.task != task:
            raise ValueError(f"{key}.data: its task is {one.data.task}, and that of the run is {task}; use the same")


def check_monitor(
    monitor: str,
    metrics: tuple[str, ...],
    sets: Any,
    *,
    class_metrics: bool,
    validated: tuple[str, ...] = (),
    average: bool = False,
) -> None:
    """Raise `ValueError` if early stopping watches a name that is not measured. Labels are known when data is built.

    Args:
        metrics: what is measured on the training and the validation data.
        validated: what is measured on the validation data alone.
        average: whether an average of the weights is validated too.
    """
    names = [f"{split}_{metric}" for split in ("val", "train") for metric in metrics]
    names += [f"val_{metric}" for metric in validated]
    names += [f"{name}/{metric}" for name in sets for metric in (*metrics, *validated)]
    names += [f"average/val_{metric}" for metric in (*metrics, *validated) if average]
    if monitor.startswith("average/") and not average:
        raise ValueError(f"early_stopping.monitor: {monitor!r} is not measured; set training.average, such as 0.999")
    first, slash, rest = monitor.partition("/")
    of_class = first == "class" or (first in sets and rest.startswith("class/"))
    if monitor in names or (slash and of_class and class_metrics):
        return
    hint = did_you_mean(monitor, names)
    if slash and of_class:
        hint = "set training.class_metrics = true to measure classes"
    raise ValueError(f"early_stopping.monitor: {monitor!r} is not measured; {hint}")
