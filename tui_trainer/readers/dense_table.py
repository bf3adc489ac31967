"""Parse many rows of a table at once, where every cell holds a plain number."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from tui_trainer.readers.reading import LogColumn, Rows

MANY = 512
"""Rows that are worth the effort."""
EXACT = 1 << 53
"""Steps below it are the same as floating-point numbers."""


def dense_rows(
    lines: Sequence[str], names: Sequence[str], delimiter: str, step: str, axes: tuple[str | None, str | None]
) -> Rows | None:
    """Return the columns of lines that hold nothing but numbers; None for lines that must be read one by one.

    Args:
        lines: the lines.
        names: the names of the columns.
        delimiter: the sign between two cells.
        step: the column with the steps.
        axes: the columns with the epochs and the times, which are no series.
    """
    if len(lines) < MANY:
        return None
    import numpy as np

    try:
        table = np.loadtxt(lines, np.float64, delimiter=delimiter, comments=None, ndmin=2)
    except ValueError:
        return None
    numbers = table[:, names.index(step)] if table.shape[1] == len(names) else table[:0, 0]
    if not len(numbers) or not (np.floor(numbers) == numbers).all() or numbers.min() < 0 or numbers.max() >= EXACT:
        return None
    steps = array("q", numbers.astype(np.int64).tobytes())
    epoch, seconds = axes
    rows = Rows()
    for name, values in zip(names, np.ascontiguousarray(table.T), strict=True):
        if name not in (step, epoch, seconds):
            rows.columns[name] = LogColumn(steps, array("d", values.tobytes()))
        if name == epoch:
            rows.epochs = LogColumn(steps, array("d", values.tobytes()))
        if name == seconds:
            rows.seconds = LogColumn(steps, array("d", values.tobytes()))
    return rows
