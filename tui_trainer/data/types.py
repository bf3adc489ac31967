"""What a data set asks of a model, and the built data itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from tui_trainer.data.functions import QuadraticFunction

Task = Literal["classification", "regression", "language", "minimise"]
"""What is learned; to `minimise` is to look for the lowest point of a known function, and nothing is learned."""


@dataclass(frozen=True, slots=True)
class ProblemSpec:
    """What goes into a model and what must come out.

    Attributes:
        task: what is learned.
        inputs: shape of one sample without the batch; for language, the context length alone; of a function, the
            dimensions of its point.
        targets: number of classes, of regression targets, or of symbols in the vocabulary; 1 of a function.
        function: what is minimised where nothing is learned.
    """

    task: Task
    inputs: tuple[int, ...]
    targets: int
    function: QuadraticFunction | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Split:
    """Inputs `[n, *Shape.inputs]` (floats; int64 symbols for language) and their targets.

    Targets are int64 classes `[n]`, floats `[n, targets]`, int64 next symbols `[n, context]`, or nothing `[n, 0]` where
    a function is minimised: then the inputs are what each sample adds to its gradient. Floats are float32, and float64
    where the data was built so.
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, slots=True)
class Data:
    """A data set, split and standardised, ready to be moved to a device.

    Attributes:
        shape: what a model for it looks like.
        train: the training split.
        validation: the validation split, never seen by a gradient.
        test: a third split that decides nothing, where one was asked for.
        classes: names of the classes, or the symbols of a vocabulary; empty for regression.
        target_scales: what one unit of each regression target is in the units of the data.
        target_centers: a number near the mean of each regression target, in the units of `targets`.
        references: losses worth a line on the chart, by name ("guessing": ln K, "bigram model": its entropy).
        known: other numbers that theory says of these very data, by name ("margin", "mistakes at most").
        note: one line about the data for people ("1,797 images of 8x8 pixels").
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
