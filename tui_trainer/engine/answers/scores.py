"""Summaries of all answers: confusion matrix, precision and recall, predicted over true numbers, residuals."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_trainer.data.types import Data
from tui_trainer.engine.answers.samples import class_name
from tui_trainer.protocol.pictures import (
    Axis,
    ClassScore,
    Counts,
    Heat,
    Histogram,
    Points,
    Spots,
    rounded,
    rounded_or_none,
)

Numbers = dict[str, float | None]
CLASSES = 40
"""Most classes in a confusion matrix."""
DOTS = 250
"""Most points in a scatter plot."""
BINS = 15
"""Bins of the histogram of residuals."""


def confusion(data: Data, predictions: Tensor, targets: Tensor) -> tuple[Heat, tuple[ClassScore, ...], Numbers]:
    """Return the confusion matrix (true classes down), precision and recall of each class, and the accuracy."""
    classes = data.shape.targets
    table = torch.bincount(targets * classes + predictions, minlength=classes**2).view(classes, classes)
    hits, of_class, guessed = table.diagonal().double(), table.sum(1).double(), table.sum(0).double()
    scores = tuple(
        ClassScore(
            name=class_name(data, index),
            precision=_share(hits[index], guessed[index]),
            recall=_share(hits[index], of_class[index]),
            count=int(of_class[index]),
        )
        for index in range(min(classes, CLASSES))
    )
    numbers: Numbers = {"accuracy": float(hits.sum() / table.sum()), "wrong": float(table.sum() - hits.sum())}
    return confusion_heat(table, tuple(score.name for score in scores)), scores, numbers


def confusion_heat(table: Tensor, names: tuple[str, ...]) -> Heat:
    """Return a confusion matrix as a drawing, as far as there are names.

    Args:
        table: (classes, classes) counts, true classes down.
        names: of the first classes.
    """
    count = len(names)
    values = tuple(rounded_or_none(row[:count]) for row in table[:count])
    return Heat(
        title="confusion, true class down", x=Axis(label="guess"), columns=names, rows=names, values=values, low=0
    )


def _share(part: Tensor, whole: Tensor) -> float | None:
    return float(part / whole) if whole else None


def deviations(answers: Tensor, targets: Tensor) -> tuple[Points | None, Histogram | None, Numbers]:
    """Return predicted over true numbers, the residuals as a histogram, and R2 and errors; in the units of the data.

    Of several targets only the first is drawn; the numbers are those of all.
    """
    residuals = answers - targets
    square = residuals.square().mean()
    numbers: Numbers = {
        "rmse": float(square.sqrt()),
        "mae": float(residuals.abs().mean()),
        "r2": float(1 - residuals[:, 0].square().mean() / targets[:, 0].var(correction=0)),
        "bias": float(residuals.mean()),
    }
    kept = torch.isfinite(answers[:, 0])
    if not kept.any():
        return None, None, numbers
    true, found = targets[kept, 0], answers[kept, 0]
    step = -(-len(true) // DOTS)
    spots = Spots(name="validation", x=rounded(true[::step]), y=rounded(found[::step]))
    points = Points(
        title="predicted over true", x=Axis(label="true"), y=Axis(label="predicted"), spots=(spots,), diagonal=True
    )
    return points, histogram_of("predicted - true", found - true, BINS), numbers


def histogram_of(name: str, values: Tensor, bins: int) -> Histogram:
    """Return finite numbers as counts in bins of equal width that cover all of them."""
    return Histogram(title=name[:120], groups=(counts_of(name, values, bins),))


def counts_of(name: str, values: Tensor, bins: int) -> Counts:
    """Return finite numbers as one named histogram."""
    low, high = float(values.min()), float(values.max())
    if not high > low:
        margin = max(abs(low) * 1e-6, 1e-12)
        low, high = low - margin, high + margin
    counts = torch.histc(values.double(), bins, low, high)
    return Counts(name=name[:120], low=low, high=high, counts=tuple(counts.tolist()))
