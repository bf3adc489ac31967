"""Data sets: the classes and their union."""

from tui_trainer.components.datasets.base import Dataset
from tui_trainer.components.datasets.bundled import (
    AnyDataset,
    BreastCancer,
    Csv,
    Diabetes,
    Digits,
    ImportedDataset,
    Iris,
    Mnist,
    Text,
    Wine,
)
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

__all__ = [
    "AnyDataset",
    "Arm",
    "Blobs",
    "BreastCancer",
    "Circles",
    "Csv",
    "Dataset",
    "Diabetes",
    "Digits",
    "ImportedDataset",
    "Iris",
    "LeastSquares",
    "Mnist",
    "Moons",
    "Quadratic",
    "Separable",
    "Sine",
    "Spirals",
    "Text",
    "Wine",
    "Xor",
]
