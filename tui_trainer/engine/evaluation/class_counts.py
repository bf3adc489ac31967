"""Precision and recall of each class over a validation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tui_trainer.engine.evaluation.metrics import Accuracy
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.nn.objectives import Objective
from tui_trainer.text import visible


class ClassCounts(Accuracy):
    """Accuracy, and for each class the counts that precision and recall follow from.

    A class that the samples do not hold has no recall. The precision of one that was never predicted is 0, as in
    scikit-learn.
    """

    def __init__(self, objective: Objective, labels: Sequence[str]) -> None:
        super().__init__(objective)
        self._labels = names_of(labels)
        self._counts = [[0] * len(labels) for _ in range(3)]
        """For each class: samples of it, predictions of it, and those among them that are right."""

    def fold(self) -> None:
        """Count the buffered batches."""
        if self._buffer:
            targets = torch.cat([targets for _, targets in self._buffer])
            predicted = self._objective.predict(torch.cat([outputs for outputs, _ in self._buffer]))
            size = len(self._labels)
            rows: list[Tensor] = [
                torch.bincount(values.flatten(), minlength=size)
                for values in (targets, predicted, targets[predicted == targets])
            ]
            new: list[list[int]] = torch.stack(rows).tolist()
            self._counts = [
                [a + b for a, b in zip(old, row, strict=True)] for old, row in zip(self._counts, new, strict=True)
            ]
        super().fold()

    def values(self) -> dict[str, float]:
        """Return accuracy, and precision and recall as `class/<label>/...`."""
        metrics = super().values()
        for label, samples, predictions, right in zip(self._labels, *self._counts, strict=True):
            metrics[f"class/{label}/precision"] = right / predictions if predictions else 0.0
            if samples:
                metrics[f"class/{label}/recall"] = right / samples
        return metrics


def names_of(labels: Sequence[str]) -> list[str]:
    """Return labels as parts of series names: printable, without slashes, at most 60 characters, each once."""
    names: list[str] = []
    for number, label in enumerate(labels):
        name = visible(label).replace("/", "_").strip()[:60] or str(number)
        names.append(f"{name}_{number}" if name in names else name)
    return names


def check_class(monitor: str, labels: Sequence[str]) -> None:
    """Raise `UserError` if early stopping watches the number of a class that the data does not have."""
    first, slash, rest = monitor.partition("class/")
    if not slash or (first and not first.endswith("/")):
        return
    known = [f"{name}/{metric}" for name in names_of(labels) for metric in ("precision", "recall")]
    if rest not in known:
        hint = did_you_mean(monitor, [f"{first}class/{name}" for name in known])
        raise UserError(f"early_stopping.monitor: {monitor!r} is not measured; {hint}")
