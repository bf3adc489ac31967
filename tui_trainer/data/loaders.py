"""Data sets and loaders of torch by import path: what the run needs of them before it trains.

The validation samples are read once. Of the training samples only a few are read here, for shapes; the loop reads the
others while it trains (`tui_trainer.engine.loading`).
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, default_collate
from torch.utils.data import Dataset as TorchDataset

from tui_trainer.data.fingerprint import of_arrays
from tui_trainer.data.splits import MOST, SPLIT, Samples, split_numbers
from tui_trainer.data.splits import random as generator
from tui_trainer.data.types import Data, ProblemSpec, Split
from tui_trainer.data.user_code import called
from tui_trainer.errors import UserError

SAMPLE = 512
"""Training samples of a map-style data set that are read before the run trains."""
CHUNK = 256
"""Samples that are collated at once where all of a data set are read."""

Kind = Literal["map", "samples", "batches"]
Batch = tuple[Tensor, Tensor]


class LoaderSettings(Protocol):
    """The settings of a loader, as `tui_trainer.components.datasets.loader` describes them."""

    @property
    def path(self) -> str: ...
    @property
    def arguments(self) -> Mapping[str, Any]: ...
    @property
    def task(self) -> Literal["classification", "regression"]: ...
    @property
    def classes(self) -> int: ...
    @property
    def steps_per_epoch(self) -> int: ...
    @property
    def validation(self) -> float: ...
    @property
    def test(self) -> float: ...
    @property
    def sampling(self) -> str: ...


@contextmanager
def drawing(*numbers: int) -> Generator[None]:
    """Seed the generators of torch (CPU), numpy and Python by numbers; afterwards they go on as before."""
    first, second = np.random.SeedSequence([number & 0xFFFFFFFF for number in numbers]).generate_state(2).tolist()
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.default_generator.manual_seed(first << 32 | second)
    np.random.seed(first)
    random.seed(second)
    try:
        yield
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])
        random.setstate(kept[2])


def kind_of(part: Any) -> Kind | None:
    """Return how samples are read from an object; None if they cannot be."""
    if isinstance(part, IterableDataset):
        return "samples"
    if isinstance(part, DataLoader):
        return "batches"
    if isinstance(part, TorchDataset) or (hasattr(part, "__getitem__") and not isinstance(part, (str, bytes, dict))):
        return "map" if hasattr(part, "__len__") else None
    return "batches" if hasattr(part, "__iter__") and not isinstance(part, (str, bytes, dict)) else None


@dataclass(frozen=True, slots=True)
class Source:
    """The training data of a loader, and how its items become batches.

    Attributes:
        loader: the settings.
        kind: whether it is indexed, or yields samples or batches.
        indices: the indices of the training samples of a map-style data set.
        wide: whether floats are float64.
        part: the object itself.
    """

    loader: LoaderSettings
    kind: Kind
    indices: Sequence[int]
    wide: bool
    part: Any

    @property
    def path(self) -> str:
        """The import path, for messages."""
        return self.loader.path

    @property
    def steps_per_epoch(self) -> int:
        """The optimizer steps that the settings ask for; 0 if the length of the stream decides."""
        return self.loader.steps_per_epoch

    def again(self) -> Any:
        """Return the object from a new call of the function."""
        return _parts(self.loader)[0]

    def fetch(self, numbers: Sequence[int]) -> Batch:
        """Return samples of a map-style data set as a batch."""
        return self.converted(_items(self.part, [self.indices[number] for number in numbers]))

    def collated(self, items: list[Any]) -> Batch:
        """Return samples as a batch."""
        return self.converted(_collated(self.loader, items))

    def converted(self, batch: Any) -> Batch:
        """Return a batch of the user's as tensors in the types of the run. Raises `UserError` for anything else."""
        key = f"data.path = {self.loader.path!r}"
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise UserError(f"{key}: a batch is a {type(batch).__name__}, and must be a pair (inputs, targets)")
        try:
            inputs, targets = (torch.as_tensor(each) for each in batch)
        except (TypeError, ValueError, RuntimeError) as error:
            raise UserError(f"{key}: inputs and targets must be tensors or arrays: {error}") from None
        if inputs.dim() < 2 or len(inputs) != len(targets) or not len(inputs):
            raise UserError(
                f"{key}: inputs must be [samples, ...] with one target each; they are {list(inputs.shape)}, the "
                f"targets {list(targets.shape)}"
            )
        kind = torch.float64 if self.wide else torch.float32
        inputs = inputs.detach().to(kind)
        if self.loader.task == "regression":
            return inputs, targets.detach().to(kind).reshape(len(targets), -1)
        if targets.dim() != 1 or targets.is_floating_point() or int(targets.min()) < 0:
            raise UserError(f"{key}: classes must be whole numbers from 0, one for each sample")
        return inputs, targets.detach().long()


def build(loader: LoaderSettings, seed: int, *, wide: bool) -> Data:
    """Return the data of a loader: its validation samples, a few training samples, and the source of the others.

    Raises:
        UserError: the function fails, or returns something else than data sets and loaders.
    """
    key = f"data.path = {loader.path!r}"
    with drawing(seed, 0):
        train, validation = _parts(loader)
    kind = kind_of(train)
    if kind is None:
        raise UserError(
            f"{key}: returned {type(train).__name__}, and must return a torch.utils.data.Dataset, a DataLoader, or two "
            "of them: (training, validation)"
        )
    if kind != "map":
        _check_stream(loader, key, train, validation)
    elif loader.steps_per_epoch:
        raise UserError(f"{key}: data.steps_per_epoch is for streams, and this data set has {len(train)} samples")
    indices: Sequence[int] = ()
    parts: list[Any] = []
    if kind == "map":
        indices = range(len(train))
        if validation is None:
            parts = split_numbers(len(train), loader.validation, loader.test, generator(seed, SPLIT))
            indices = parts[0].tolist()
    if validation is not None and loader.test:
        raise UserError(f"{key}: data.test splits one data set, and the function returned two: leave it 0")
    source = Source(loader, kind, indices, wide, train)
    with drawing(seed, 1):
        if validation is None:
            splits = [_of_map(source, train, part.tolist()) for part in parts[1:]]
        else:
            splits = [_read_all(source, validation)]
    with drawing(seed, 2):
        sample = _sample(source)
    names = _class_names(loader, train, [sample, *splits]) if loader.task == "classification" else ()
    targets = len(names) if names else sample.targets.shape[1]
    shapes = {tuple(split.inputs.shape[1:]) for split in (sample, *splits)}
    if len(shapes) > 1:
        raise UserError(f"{key}: training and validation samples differ in shape: {sorted(map(list, shapes))}")
    return Data(
        shape=ProblemSpec(loader.task, tuple(sample.inputs.shape[1:]), targets),
        train=sample,
        validation=splits[0],
        test=splits[1] if len(splits) > 1 else None,
        classes=names,
        target_scales=(1.0,) * targets if not names else (1.0,),
        target_centers=(0.0,) * targets if not names else (0.0,),
        note=_note(source),
        fingerprint=of_arrays(*(each.numpy() for each in (splits[0].inputs, splits[0].targets))),
        source=source,
    )


def draw(loader: LoaderSettings, seed: int) -> Samples:
    """Return all samples of a loader, of the second data set where it has two: for a further validation set."""
    with drawing(seed, 0):
        train, validation = _parts(loader)
    part = validation if validation is not None else train
    kind = kind_of(part)
    if kind is None:
        raise UserError(f"data.path = {loader.path!r}: returned {type(part).__name__}, which is no data set or loader")
    with drawing(seed, 1):
        split = _read_all(Source(loader, kind, (), True, part), part)
    names = _class_names(loader, part, [split]) if loader.task == "classification" else ()
    return Samples(split.inputs.numpy(), split.targets.numpy(), names, f"samples of {loader.path}")


def _parts(loader: LoaderSettings) -> tuple[Any, Any | None]:
    made = called(loader.path, "data.path", **loader.arguments)
    if isinstance(made, (tuple, list)) and len(made) == 2 and all(kind_of(part) for part in made):
        return made[0], made[1]
    return made, None


def _check_stream(loader: LoaderSettings, key: str, train: Any, validation: Any) -> None:
    if validation is None:
        raise UserError(
            f"{key}: a stream cannot be split: return two, (training, validation), or a data set with an index"
        )
    if loader.sampling != "shuffle":
        raise UserError(f"{key}: data.sampling = {loader.sampling!r} needs an index, and a stream has its own order")
    if not loader.steps_per_epoch and length_of(train) is None:
        raise UserError(f"{key}: the stream has no length: set data.steps_per_epoch")


def length_of(part: Any) -> int | None:
    """Return the length of a stream, in samples or batches; None if it has none."""
    try:
        return len(part)
    except (TypeError, NotImplementedError):
        return None


def _items(part: Any, indices: list[int]) -> Any:
    fetch = getattr(part, "__getitems__", None)
    return default_collate(fetch(indices) if fetch is not None else [part[index] for index in indices])


def _collated(loader: LoaderSettings, items: list[Any]) -> Any:
    try:
        return default_collate(items)
    except (TypeError, RuntimeError, KeyError) as error:
        raise UserError(
            f"data.path = {loader.path!r}: samples cannot be put into one batch: {str(error).splitlines()[0][:200]}"
        ) from None


def _of_map(source: Source, part: Any, indices: Sequence[int]) -> Split:
    """Read samples of a map-style data set."""
    key = f"data.path = {source.loader.path!r}"
    batches: list[Batch] = []
    size = 0
    for first in range(0, len(indices), CHUNK):
        try:
            batch = _items(part, list(indices[first : first + CHUNK]))
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"{key}: samples {indices[first]} to {indices[min(first + CHUNK, len(indices)) - 1]}: "
                f"{type(error).__name__}: {str(error)[:200]}"
            ) from error
        batches.append(source.converted(batch))
        size = _limited(key, size + batches[-1][0].numel())
    return _joined(key, batches)


def _read_all(source: Source, part: Any) -> Split:
    """Read every sample of a data set or loader."""
    kind, key = kind_of(part), f"data.path = {source.loader.path!r}"
    if kind == "map":
        return _of_map(source, part, range(len(part)))
    batches: list[Batch] = []
    size = 0
    for batch in _chunks(source, part) if kind == "samples" else part:
        batches.append(batch if kind == "samples" else source.converted(batch))
        size = _limited(key, size + batches[-1][0].numel())
    return _joined(key, batches)


def _chunks(source: Source, part: Iterable[Any]) -> Iterator[Batch]:
    items: list[Any] = []
    for item in part:
        items.append(item)
        if len(items) == CHUNK:
            yield source.collated(items)
            items = []
    if items:
        yield source.collated(items)


def _limited(key: str, size: int) -> int:
    if size > MOST:
        raise UserError(f"{key}: the validation samples hold more than {MOST:,} numbers, and are kept in memory: fewer")
    return size


def _joined(key: str, batches: list[Batch]) -> Split:
    if not batches:
        raise UserError(f"{key}: there are no validation samples")
    try:
        return Split(torch.cat([inputs for inputs, _ in batches]), torch.cat([targets for _, targets in batches]))
    except RuntimeError as error:
        raise UserError(f"{key}: samples differ in shape: {error}") from None


def _sample(source: Source) -> Split:
    """Return a few training samples; a stream is read from its beginning, and begun again for the training."""
    if source.kind == "map":
        return _of_map(source, source.part, source.indices[:SAMPLE])
    part = source.again()
    if source.kind == "samples":
        batch = next(_chunks(source, part), None)
    else:
        first = next(iter(part), None)
        batch = source.converted(first) if first is not None else None
    if batch is None:
        raise UserError(f"data.path = {source.loader.path!r}: the training data yields no samples")
    return Split(*batch)


def _class_names(loader: LoaderSettings, part: Any, splits: list[Split]) -> tuple[str, ...]:
    names = getattr(part, "classes", None)
    if loader.classes:
        count = loader.classes
    elif isinstance(names, (list, tuple)) and len(names) > 1:
        return tuple(str(name) for name in names)
    else:
        count = 1 + max(int(split.targets.max()) for split in splits)
    highest = max(int(split.targets.max()) for split in splits)
    if highest >= count or count < 2:
        raise UserError(
            f"data.classes = {count}: the samples hold class {highest}, numbered from 0, and a run needs at least two"
        )
    return tuple(str(number) for number in range(count))


def _note(source: Source) -> str:
    path = source.loader.path
    if source.kind == "map":
        return f"{len(source.indices):,} training samples of {path}"
    length = length_of(source.part)
    unit = "samples" if source.kind == "samples" else "batches"
    return f"a stream of {path}" + (f", {length:,} {unit} an epoch" if length is not None else "")
