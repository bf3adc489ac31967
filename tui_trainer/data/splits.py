"""Turn samples into data: split, standardise, add label noise, and convert to tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tui_trainer.data.fingerprint import Fingerprint, of_arrays
from tui_trainer.data.types import Data, ProblemSpec, Scaling, Split
from tui_trainer.errors import UserError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# One stream of random numbers for each purpose, so that asking for one thing never changes another.
MADE_UP, SPLIT, LABEL_NOISE, BROKEN = range(4)

MOST = 100_000_000
"""Largest number of values in a data set, which is held in memory as float64 during preparation."""

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """A column of a table as it was read.

    Attributes:
        name: in the header.
        kind: numbers, decimal commas, grouped (commas between thousands) or words.
        words: the words that became a column of zeros and ones each.
        classes: of a column of classes, the number of the class of each cell.
    """

    name: str
    kind: str
    words: tuple[str, ...] = ()
    classes: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Samples:
    """All samples of a data set before the split.

    Attributes:
        inputs: `[n, ...]`.
        targets: class ids `[n]`, or numbers `[n, t]`.
        classes: names of the classes; empty for regression.
        note: one line about the data for people.
        pooled: whether all inputs share one mean and deviation, as the pixels of an image may.
        known: numbers that theory says of them, by name.
        fingerprint: a hash of the file that they were read from; None hashes the samples themselves.
        features: names of the numbers of a table row.
        fills: whether NaN inputs are missing values, which the mean of the training samples fills.
        columns: of a table, the columns of the inputs and, last, the one to predict.
    """

    inputs: Floats
    targets: Ints | Floats
    classes: tuple[str, ...]
    note: str
    pooled: bool = False
    known: Mapping[str, float] = field(default_factory=dict[str, float])
    fingerprint: Fingerprint | None = None
    features: tuple[str, ...] = ()
    fills: bool = False
    columns: tuple[ReadColumn, ...] = ()


def random(seed: int, purpose: int) -> np.random.Generator:
    """Return the generator of a purpose."""
    return np.random.default_rng([seed, purpose])


def refuse_huge(samples: int, features: int) -> None:
    """Raise `UserError` if the data set would be too large."""
    if samples * features > MOST:
        raise UserError(
            f"data of {samples:,} samples with {features:,} numbers each is more than {MOST:,} numbers: fewer"
        )


def prepare(
    samples: Samples,
    seed: int,
    *,
    validation: float,
    test: float,
    label_noise: float,
    standardise: bool,
    clip: float | None,
    wide: bool = False,
    nan_share: float = 0.0,
    drop_nan: bool = False,
) -> Data:
    """Split, standardise and convert the samples.

    Raises:
        UserError: a split would be empty, or a number is too large for float32.
    """
    _refuse_large(np.nan_to_num(samples.inputs) if samples.fills else samples.inputs, samples.targets, wide)
    rng = random(seed, SPLIT)
    if samples.classes:
        parts = split_classes(samples.targets.astype(np.int64), validation, test, rng)
    else:
        parts = split_numbers(len(samples.inputs), validation, test, rng)
    train = parts[0]

    inputs, fill = samples.inputs, None
    if samples.fills:
        fill = means_of(inputs[train])
        inputs = filled(inputs, fill)
    scaling = None
    if standardise:
        mean, deviation = moments(inputs[train], None if samples.pooled else 0)
        inputs = (inputs - mean) / deviation
        if clip is not None:
            inputs = inputs.clip(-clip, clip)
        scaling = Scaling(mean, deviation, clip)

    targets: npt.NDArray[Any] = samples.targets
    scales: tuple[float, ...] = (1.0,)
    centers: tuple[float, ...] = (0.0,)
    if samples.classes:
        targets = redraw(targets, train, label_noise, len(samples.classes), random(seed, LABEL_NOISE))
        shape = ProblemSpec("classification", inputs.shape[1:], len(samples.classes))
        guessing = entropy(np.bincount(targets[train]))
    else:
        if standardise:
            mean, deviation = moments(targets[train], 0)
            targets = (targets - mean) / deviation
            scales, centers = tuple(deviation.tolist()), (0.0,) * targets.shape[1]
            if scaling is not None:
                scaling = replace(scaling, target_mean=mean, target_deviation=deviation)
        else:
            scales, centers = (1.0,) * targets.shape[1], tuple(targets[train].mean(0).tolist())
        shape = ProblemSpec("regression", inputs.shape[1:], targets.shape[1])
        guessing = float(targets[train].var(0).mean())
    if nan_share:
        inputs = with_nan(inputs, train, nan_share, random(seed, BROKEN))
    if drop_nan:
        parts[0] = train[np.isfinite(inputs[train]).reshape(len(train), -1).all(1)]
        if not len(parts[0]):
            raise UserError("data.drop_nan leaves no sample to train on: each one holds a NaN")
    noted = f", {label_noise:.0%} of the training labels re-drawn" if label_noise else ""
    first, second, *third = (as_tensors(inputs[part], targets[part], wide) for part in parts)
    return Data(
        shape=shape,
        train=first,
        validation=second,
        test=third[0] if third else None,
        classes=samples.classes,
        target_scales=scales,
        target_centers=centers,
        references={"guessing": guessing},
        known=samples.known,
        note=samples.note + noted,
        fingerprint=samples.fingerprint or of_arrays(samples.inputs, samples.targets),
        scaling=scaling,
        features=samples.features,
        fill=fill,
    )


def means_of(inputs: Floats) -> Floats:
    """Return the mean of each column over the values that are not missing; 0 for a column that has none."""
    present = ~np.isnan(inputs)
    return np.where(present, inputs, 0.0).sum(0) / np.maximum(present.sum(0), 1)


def filled(inputs: Floats, fill: Floats) -> Floats:
    """Return inputs with the values of `fill` where one is missing."""
    return np.where(np.isnan(inputs), fill, inputs)


def as_tensors(inputs: Floats, targets: npt.NDArray[Any], wide: bool) -> Split:
    """Return samples as tensors; floats are float64 if `wide`. Raises `UserError` for a number beyond float32."""
    floats = np.float64 if wide else np.float32
    kind = np.int64 if targets.dtype.kind == "i" else floats
    _refuse_large(inputs, targets, wide)
    return Split(
        torch.from_numpy(np.ascontiguousarray(inputs, floats)),
        torch.from_numpy(np.ascontiguousarray(targets, kind)),
    )


def _refuse_large(inputs: Floats, targets: npt.NDArray[Any], wide: bool) -> None:
    if not wide and max(np.abs(inputs).max(), np.abs(targets).max()) > LARGEST:
        raise UserError(f"data holds numbers beyond {LARGEST:.1e}, the largest that is calculated with")


def moments(values: npt.NDArray[Any], axis: int | None) -> tuple[Floats, Floats]:
    """Return mean and standard deviation; the latter is 1 for values that vary only by rounding.

    Source: the bound is that of scikit-learn's `StandardScaler` (`_is_constant_feature`).
    """
    mean, variance = np.asarray(values.mean(axis)), np.asarray(values.var(axis))
    count = values.size if axis is None else values.shape[axis]
    epsilon = np.finfo(np.float64).eps
    constant = variance <= count * epsilon * variance + (count * mean * epsilon) ** 2
    return mean, np.where(constant, 1.0, np.sqrt(variance))


def entropy(counts: Ints) -> float:
    """Return -sum p ln p of the frequencies: the loss of predicting only the frequencies."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def redraw(labels: Ints, train: Ints, share: float, classes: int, rng: np.random.Generator) -> Ints:
    """Return the labels with `share` of those in `train` redrawn uniformly from all classes."""
    chosen = rng.permutation(train)[: round(share * len(train))]
    labels = labels.copy()
    labels[chosen] = rng.integers(classes, size=len(chosen))
    return labels


def with_nan(inputs: Floats, train: Ints, share: float, rng: np.random.Generator) -> Floats:
    """Return the inputs with one number of `share` of those in `train`, at least of one, replaced by NaN."""
    chosen = rng.permutation(train)[: max(round(share * len(train)), 1)]
    inputs = inputs.copy()
    flat = inputs.reshape(len(inputs), -1)
    flat[chosen, rng.integers(flat.shape[1], size=len(chosen))] = np.nan
    return inputs


def split_numbers(count: int, validation: float, test: float, rng: np.random.Generator) -> list[Ints]:
    """Return the indices of the training, validation and (optional) test samples out of `count`."""
    second = max(round(count * validation), 1)
    third = round(count * test)
    _refuse_empty(count, count - second - third, second, third, validation, test)
    order = rng.permutation(count)
    parts = np.split(order, [count - second - third, count - third])
    return [np.sort(part) for part in parts if len(part)]


def split_classes(labels: Ints, validation: float, test: float, rng: np.random.Generator) -> list[Ints]:
    """Split like `split_numbers`, stratified by class to within one sample.

    Each class keeps a sample to train on, and has one to validate on where it has two.
    """
    sizes = np.bincount(labels)
    seconds, thirds = _shared(sizes, validation), _shared(sizes, test)
    parts: tuple[list[Ints], list[Ints], list[Ints]] = ([], [], [])
    for label, size in enumerate(sizes.tolist()):
        second, third = _at_most(size, seconds[label], thirds[label], size * validation, size * test)
        order = rng.permutation(np.flatnonzero(labels == label))
        for part, indices in zip(parts, np.split(order, [size - second - third, size - third]), strict=True):
            part.append(indices)
    joined = [np.sort(np.concatenate(part)) for part in parts]
    first, second, third = (len(part) for part in joined)
    _refuse_empty(len(labels), first, second, third, validation, test)
    return [part for part in joined if len(part)]


def _shared(sizes: Ints, share: float) -> list[int]:
    """Return `share` of each size as integers that add up, by rounding the running sum."""
    return np.diff(np.rint(np.cumsum(sizes) * share), prepend=0).astype(int).tolist()


def _at_most(size: int, second: int, third: int, want_second: float, want_third: float) -> tuple[int, int]:
    """Reduce the two counts of one class until at least one training sample remains."""
    second = max(second, 1)
    while second + third > size - 1 and second + third > 0:
        if third == 0 or (second > 1 and second - want_second >= third - want_third):
            second -= 1
        else:
            third -= 1
    return second, third


def _refuse_empty(count: int, first: int, second: int, third: int, validation: float, test: float) -> None:
    named = "1 sample" if count == 1 else f"{count:,} samples"
    if second == 0 or (count == 1 and first == 0):
        raise UserError(f"data.validation = {validation:g} of {named} leaves none to validate on: more are needed")
    if first <= 0 and not test:
        raise UserError(f"data.validation = {validation:g} of {named} leaves none to train on: give a smaller share")
    if first <= 0:
        raise UserError(
            f"data.validation = {validation:g} and data.test = {test:g} of {named} leave none to train on: "
            "give smaller shares"
        )
    if test and third == 0:
        raise UserError(f"data.test = {test:g} of {named} leaves none to test on: give a larger share, or 0")
