"""What every data set is: samples that are drawn, split and standardised by a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tui_trainer.components.base import Component, Count, Positive, Share
from tui_trainer.data.types import Data, Task

if TYPE_CHECKING:
    from tui_trainer.data.splits import Samples

Many = Annotated[int, Field(ge=1, le=1_000_000)]
"""How many samples to make up."""
Wide = Annotated[int, Field(ge=1, le=10_000)]
"""How many numbers a made-up sample has."""
Several = Annotated[int, Field(ge=2, le=100)]
"""How many classes to make up."""


class Dataset(Component):
    """Samples with their targets, cut into a training and a validation split by a seed.

    Of classes, each split gets its share of every class. Where inputs or targets are standardised, mean and deviation
    come from the training split alone.
    """

    task: ClassVar[Task]
    """What is learned from it."""

    batch_size: Count = 64
    """Samples in one step; all of them where there are fewer."""
    sampling: Literal["shuffle", "replacement", "full"] = "shuffle"
    """Each sample once an epoch in a new order, each drawn on its own, or all in every step (gradient descent)."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the samples that validate; no gradient sees them."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the samples that decide nothing: measured once, at the end."""
    label_noise: Share = 0.0
    """Share of the training labels that are re-drawn from all classes alike; validation labels stay right."""
    standardise: bool = True
    """Shift and scale each input, and the targets of a regression, to mean 0 and deviation 1 in the training split."""
    clip: Positive | None = None
    """Largest size of a standardised input, in deviations; pixels that are nearly always blank need it."""

    @model_validator(mode="after")
    def _noise_of_classes(self) -> Dataset:
        if self.label_noise and self.task != "classification":
            has = "symbols" if self.task == "language" else "numbers"
            raise ValueError(f'label_noise re-draws classes, and the targets of "{self.kind}" are {has}: leave it 0')
        return self

    def build(self, seed: int, *, wide: bool = False) -> Data:
        """The data, split and standardised: the same for the same seed, byte for byte.

        Args:
            wide: whether its floats are float64 and not float32.

        Raises:
            UserError: a split would be empty; a file or a package is missing; a file cannot be read.
        """
        from tui_trainer.data.splits import prepare

        return prepare(
            self.draw(seed), seed, validation=self.validation, test=self.test, label_noise=self.label_noise,
            standardise=self.standardise, clip=self.clip, wide=wide,
        )  # fmt: skip

    def located(self) -> Self:
        """The same, its file named from the root: a run may be taken up from another directory."""
        return self

    def draw(self, seed: int) -> Samples:
        """All samples as they are, before anything is split."""
        raise NotImplementedError
