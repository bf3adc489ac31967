"""Training data that is read while the run trains: a data set of torch by import path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from tui_trainer.components.base import Arguments, ImportPath, Whole
from tui_trainer.components.datasets.base import Dataset
from tui_trainer.data.types import Data

if TYPE_CHECKING:
    from tui_trainer.data.splits import Samples

UNFIT_PICTURES = ("boundary", "coverage", "gradient-noise", "gradient-norms", "memory", "path")
"""Pictures that read all training samples, or the batches of an epoch, outside of its steps."""


class Loader(Dataset):
    """Your own `torch.utils.data` data set or loader: `function(**arguments)` returns it, or (training, validation).

    A map-style data set is shuffled by the seed of the run, and split if it comes alone. An iterable data set yields
    samples, a `DataLoader` or any other iterable yields batches; both keep their own order. An item is a pair (input,
    target); samples are taken as they are. Random numbers of torch, numpy and Python are seeded for each batch. It runs
    code, so the run must be trusted (`--trust`).
    """

    runs_code: ClassVar[bool] = True
    kind: Literal["loader"] = "loader"
    path: ImportPath = ""
    """Function or class, as `module:name`; modules in the working directory are found too."""
    arguments: Annotated[Arguments, Field(default_factory=dict)]
    """Keyword arguments of the function."""
    task: Literal["classification", "regression"] = "classification"  # pyright: ignore[reportIncompatibleVariableOverride]
    """Whether the targets are classes, numbered from 0, or numbers."""
    classes: Whole = 0
    """Number of classes; 0 takes the `classes` of the data set, or counts in the samples read first."""
    steps_per_epoch: Whole = 0
    """Optimizer steps in an epoch of a stream without a length, which goes on where the epoch before ended."""
    standardise: bool = False
    """Must be false: samples are taken as they are."""

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def build(self, seed: int, *, wide: bool = False) -> Data:
        from tui_trainer.data.loaders import build

        return build(self, seed, wide=wide)

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.loaders import draw

        return draw(self, seed)


def check_loader(data: Dataset, pictures: Iterable[str], *, suboptimality: int) -> None:
    """Raise `ValueError` for settings that need all training samples at once, if they are read while it trains."""
    if not isinstance(data, Loader):
        return
    for name, value in (("standardise", data.standardise), ("clip", data.clip), ("label_noise", data.label_noise)):
        if value:
            raise ValueError(
                f"data.{name}: samples of a loader are taken as they are; leave it out, or do it in {data.path!r}"
            )
    for picture in pictures:
        if picture in UNFIT_PICTURES:
            raise ValueError(
                f'pictures: "{picture}" needs all training samples at once, and data.kind = "loader" has not'
            )
    if suboptimality:
        raise ValueError(
            'training.suboptimality_every: it needs all training samples, and data.kind = "loader" has not'
        )
