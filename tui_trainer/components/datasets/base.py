"""The base class of data sets: samples that are drawn, split and standardised with a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tui_trainer.components.base import Component, Count, Positive, Share
from tui_trainer.data.types import Data, Task

if TYPE_CHECKING:
    from tui_trainer.data.splits import Samples

Many = Annotated[int, Field(ge=1, le=1_000_000)]
"""Number of samples to generate."""
Wide = Annotated[int, Field(ge=1, le=10_000)]
"""Number of features of a generated sample."""
Several = Annotated[int, Field(ge=2, le=100)]
"""Number of classes to generate."""


class Dataset(Component):
    """Samples with their targets, split into training and validation data with a seed.

    Of classes, each split gets its share of every class. Where inputs or targets are standardised, mean and deviation
    come from the training split alone.
    """

    task: ClassVar[Task]
    """The kind of problem."""

    batch_size: Count = 64
    """Samples per step; at most all of them."""
    sampling: Literal["shuffle", "replacement", "full"] = "shuffle"
    """Each sample once per epoch in a new order, independent draws, or all samples in every step (gradient descent)."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction of the samples for validation, not used for training."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Fraction of the samples for the final test, evaluated once at the end."""
    label_noise: Share = 0.0
    """Fraction of the training labels that are redrawn uniformly from all classes; validation labels stay correct."""
    nan_share: Share = 0.0
    """Fraction of the training samples in which one number is replaced by NaN, as a careless import leaves them."""
    drop_nan: bool = False
    """Leave out the training samples that hold a NaN."""
    standardise: bool = True
    """Standardise inputs and regression targets to mean 0 and standard deviation 1 over the training split."""
    clip: Positive | None = None
    """Bound on standardised inputs, in standard deviations; needed for pixels that are nearly always blank."""

    @model_validator(mode="after")
    def _noise_of_classes(self) -> Dataset:
        if self.label_noise and self.task != "classification":
            has = "symbols" if self.task == "language" else "numbers"
            raise ValueError(f'label_noise re-draws classes, and the targets of "{self.kind}" are {has}: leave it 0')
        if self.nan_share and self.task not in ("classification", "regression"):
            raise ValueError(f'nan_share replaces a number of a sample, and "{self.kind}" has none: leave it 0')
        return self

    def build(self, seed: int, *, wide: bool = False) -> Data:
        """Build the data, split and standardised; the same seed gives identical bytes.

        Args:
            wide: whether its floats are float64 and not float32.

        Raises:
            UserError: a split would be empty; a file or a package is missing; a file cannot be read.
        """
        from tui_trainer.data.splits import prepare

        return prepare(
            self.draw(seed), seed, validation=self.validation, test=self.test, label_noise=self.label_noise,
            standardise=self.standardise, clip=self.clip, wide=wide, nan_share=self.nan_share, drop_nan=self.drop_nan,
        )  # fmt: skip

    def located(self) -> Self:
        """Return the data set with an absolute file path, so that a run can resume from another directory."""
        return self

    def draw(self, seed: int) -> Samples:
        """Return all samples before the split."""
        raise NotImplementedError
