"""The shape of a learning problem, and the data sets that components build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from tui_trainer.data.fingerprint import Fingerprint

Task = Literal["classification", "regression", "language", "minimise"]
"""The kind of problem. `minimise` searches for the minimum of a known function; it has no samples to learn from."""


class FunctionToMinimise(Protocol):
    """A scalar function of a point `[d]`, with a known minimum and a starting point."""

    minimum: float
    """The value at the lowest point."""
    start: Tensor
    """The point `[d]` at which a run begins."""

    def __call__(self, point: Tensor, /) -> Tensor:
        """Return the value at a point `[d]` as a scalar; at points `[..., d]`, one value each."""
        ...


@dataclass(frozen=True, slots=True)
class ProblemSpec:
    """The shapes of a model's inputs and targets.

    Attributes:
        task: the kind of problem.
        inputs: shape of one sample without the batch; for language, the context length only; for a function, the
            dimensions of its point.
        targets: number of classes, of regression targets, or of symbols in the vocabulary; 1 for a function.
        function: the function to minimise, for the task `minimise`.
    """

    task: Task
    inputs: tuple[int, ...]
    targets: int
    function: FunctionToMinimise | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Split:
    """Inputs `[n, *ProblemSpec.inputs]` (floats; int64 symbols for language) and their targets.

    Targets are int64 classes `[n]`, floats `[n, targets]` or int64 next symbols `[n, context]`. For the task `minimise`
    they are empty, `[n, 0]`, and the inputs are the vectors that each sample adds to the gradient. Floats are float32,
    or float64 where the data was built with that precision.
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, slots=True)
class Scaling:
    """The standardisation of the training split, for further samples: numbers, or arrays of one for each feature."""

    mean: Any
    deviation: Any
    clip: float | None
    target_mean: Any = 0.0
    target_deviation: Any = 1.0


class BatchSource(Protocol):
    """Training samples that are read while the run trains, as `tui_trainer.data.loaders` makes them.

    `kind` is map for a data set with an index, samples or batches for a stream of them; `part` is the object of the
    user, `indices` those of the training samples of a data set with an index.
    """

    @property
    def kind(self) -> Literal["map", "samples", "batches"]: ...
    @property
    def part(self) -> Any: ...
    @property
    def indices(self) -> Sequence[int]: ...
    @property
    def path(self) -> str: ...
    @property
    def steps_per_epoch(self) -> int: ...

    def again(self) -> Any:
        """Return the object from a new call of the user's function."""
        ...

    def fetch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return samples of a data set with an index as a batch."""
        ...

    def collated(self, items: list[Any]) -> tuple[Tensor, Tensor]:
        """Return samples as a batch."""
        ...

    def converted(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Return a batch of the user's as tensors in the types of the run."""
        ...


@dataclass(frozen=True, slots=True)
class Data:
    """A data set, split and standardised, ready to be moved to a device.

    Attributes:
        shape: the shapes that a model needs.
        train: the training split.
        validation: the validation split, never used for a gradient.
        test: an optional third split, evaluated once at the end of the run.
        classes: names of the classes, or the symbols of a vocabulary; empty for regression.
        target_scales: what one unit of each regression target is in the units of the data.
        target_centers: a number near the mean of each regression target, in the units of `targets`.
        references: baseline losses for the chart, by name ("guessing": ln K, "bigram model": its entropy).
        known: other constants that theory gives for this data, by name ("margin", "mistakes at most").
        note: one line that describes the data ("1,797 images of 8x8 pixels").
        fingerprint: a hash of all samples before the split; None for a function, which its settings describe.
        scaling: the standardisation of inputs and numeric targets; None where there is none.
        features: names of the numbers of a table row, where they are known.
        fill: the values that fill missing inputs, one for each feature; None where none are filled.
        source: reads the training samples while the run trains; then `train` holds a few of them. None where all of
            them are in `train`.
    """

    shape: ProblemSpec
    train: Split
    validation: Split
    test: Split | None = None
    classes: tuple[str, ...] = ()
    target_scales: tuple[float, ...] = (1.0,)
    target_centers: tuple[float, ...] = (0.0,)
    references: Mapping[str, float] = field(default_factory=dict[str, float])
    known: Mapping[str, float] = field(default_factory=dict[str, float])
    note: str = ""
    fingerprint: Fingerprint | None = None
    scaling: Scaling | None = field(default=None, compare=False)
    features: tuple[str, ...] = ()
    fill: Any = field(default=None, compare=False)
    source: BatchSource | None = field(default=None, compare=False)
