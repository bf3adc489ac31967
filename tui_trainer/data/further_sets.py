"""Further validation sets, prepared as the training data were: same classes, same standardisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from tui_trainer.data.splits import SPLIT, Floats, Samples, as_tensors, filled, random, split_classes, split_numbers
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
    inputs = _aligned(key, samples, data) if data.features and samples.features else samples.inputs
    shape = inputs.shape[1:]
    if shape != data.shape.inputs:
        raise UserError(f"{key}: samples have the shape {list(shape)}; the model takes {list(data.shape.inputs)}")
    scaling = data.scaling
    if samples.fills and np.isnan(inputs).any():
        if data.fill is None:
            raise UserError(f'{key}.data.missing: values are missing; to fill them set data.missing = "fill" too')
        inputs = filled(inputs, data.fill)
    targets = _targets(key, samples, data)
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


def _aligned(key: str, samples: Samples, data: Data) -> Floats:
    """Return the columns of a table in the order of the training data; a word that does not occur is 0 everywhere."""
    if samples.features == data.features:
        return samples.inputs
    words = {name.partition("=")[0] for name in samples.features if "=" in name}
    known = set(data.features)
    for name in samples.features:
        column, equals, word = name.partition("=")
        if name not in known and equals and any(each.startswith(f"{column}=") for each in known):
            raise UserError(f"{key}: column {column!r} holds {word!r}, a word that the training data does not have")
        if name not in known:
            raise UserError(
                f"{key}: column {column!r} is not in the training data, or was taken for another type; leave it out "
                f"with {key}.data.ignore; {did_you_mean(name, data.features)}"
            )
    columns: list[Floats] = []
    for name in data.features:
        if name in samples.features:
            columns.append(samples.inputs[:, samples.features.index(name)])
        elif "=" in name and name.partition("=")[0] in words:
            columns.append(np.zeros(len(samples.inputs)))
        else:
            raise UserError(f"{key}: column {name.partition('=')[0]!r} of the training data is missing")
    return np.stack(columns, 1)


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
