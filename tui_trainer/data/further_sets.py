"""Further validation sets, prepared as the training data were: same classes, same standardisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from tui_trainer.data.splits import SPLIT, Samples, as_tensors, random, split_classes, split_numbers
from tui_trainer.data.types import Data, Split
from tui_trainer.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from tui_trainer.components.datasets.base import Dataset


def build_set(
    name: str, dataset: Dataset, part: Literal["validation", "all"], data: Data, seed: int, *, wide: bool
) -> Split:
    """Return the samples of a further set as the model takes them.

    Raises:
        UserError: the samples do not fit the data of the run, or cannot be read.
    """
    samples = dataset.draw(seed)
    key = f"validation_sets.{name}"
    shape = samples.inputs.shape[1:]
    if shape != data.shape.inputs:
        raise UserError(f"{key}: samples have the shape {list(shape)}; the model takes {list(data.shape.inputs)}")
    scaling = data.scaling
    inputs, targets = samples.inputs, _targets(key, samples, data)
    if scaling is not None:
        inputs = (inputs - scaling.mean) / scaling.deviation
        if scaling.clip is not None:
            inputs = inputs.clip(-scaling.clip, scaling.clip)
        if not data.classes:
            targets = (targets - scaling.target_mean) / scaling.target_deviation
    if part == "validation":
        rng = random(seed, SPLIT)
        if samples.classes:
            chosen = split_classes(samples.targets.astype(np.int64), dataset.validation, dataset.test, rng)[1]
        else:
            chosen = split_numbers(len(inputs), dataset.validation, dataset.test, rng)[1]
        inputs, targets = inputs[chosen], targets[chosen]
    return as_tensors(inputs, targets, wide)


def _targets(key: str, samples: Samples, data: Data) -> npt.NDArray[Any]:
    """Return the targets, classes by the numbers that the training data gives to their names."""
    if not data.classes:
        if samples.targets.shape[1:] != (data.shape.targets,):
            raise UserError(
                f"{key}: samples have {samples.targets.shape[-1]} targets; the model predicts {data.shape.targets}"
            )
        return samples.targets
    numbers = {label: number for number, label in enumerate(data.classes)}
    if samples.classes == tuple(map(str, range(len(samples.classes)))) and numbers.keys().isdisjoint(samples.classes):
        numbers = {str(number): number for number in range(len(data.classes))}  # they have numbers for names
    for label in samples.classes:
        if label not in numbers:
            raise UserError(f"{key}: class {label!r} is not in the training data; {did_you_mean(label, numbers)}")
    return np.array([numbers[label] for label in samples.classes], np.int64)[samples.targets.astype(np.int64)]
