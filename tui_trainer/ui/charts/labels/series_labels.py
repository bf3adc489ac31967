"""Short names of series for the legend of a chart that has several of them."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.text import visible
from tui_trainer.ui.charts.labels.distinct_names import distinct_names

LONGEST = 16
"""Cells of the longest name."""


def series_labels(names: Sequence[str]) -> list[str]:
    """Return the names if they are short, else without the leading parts that all share: 0/recall for class/0/recall.

    Names that are still too long lose the parts that all of them end with, and then their middles.
    """
    whole = [visible(name) for name in names]
    if max(map(len, whole), default=0) <= LONGEST:
        return whole
    parts = [name.split("/") for name in names]
    while len(parts) > 1 and all(len(part) > 1 for part in parts) and len({part[0] for part in parts}) == 1:
        parts = [part[1:] for part in parts]
    labels = [visible("/".join(part)) for part in parts]
    if max(map(len, labels), default=0) <= LONGEST and len(set(labels)) == len(labels):
        return labels
    dotted = distinct_names([label.replace("/", ".") for label in labels], LONGEST)
    return [label.replace(".", "/") if "/" in name else label for label, name in zip(dotted, names, strict=True)]


def chart_says(title: str, name: str) -> bool:
    """Return whether the title of a chart names its only series, so that the legend need not."""
    return title == visible(name)
