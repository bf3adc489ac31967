"""Parse many rows of a table at once, where every cell holds a plain number or nothing.

Rows with commas between plain numbers are almost JSON, and pydantic brings a parser of JSON that reads numbers several
times as fast as Python or numpy do, to the same bits.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json

from tui_trainer.readers.reading import MAX_STEP, LogColumn, Rows

MANY = 64
"""Rows that are worth the effort."""
END = ""
"""Stands at the end of each row, where no cell can hold it."""
ODD = ('"', "u", "l")
"""Letters of texts, true, false and null, which JSON takes for something else than a number."""


class DenseRows(NamedTuple):
    """Columns, and the number of lines that they are."""

    rows: Rows
    lines: int


def dense_rows(
    text: str, names: Sequence[str], delimiter: str, step: str, axes: tuple[str | None, str | None]
) -> DenseRows | None:
    """Return the columns of lines that hold nothing but numbers; None for lines that must be read one by one.

    Args:
        text: whole lines.
        names: the names of the columns.
        delimiter: the sign between two cells.
        step: the column with the steps.
        axes: the columns with the epochs and the times, which are no series.
    """
    if not text.endswith("\n"):
        text += "\n"
    count = text.count("\n")
    if count < MANY or any(odd in text for odd in ODD):
        return None
    if delimiter != ",":
        if "," in text:
            return None
        text = text.replace(delimiter, ",")
    cells = _cells(text)
    width = len(names) + 1
    if cells is None or len(cells) != count * width or cells[width - 1 :: width] != [END] * count:
        return None
    at = {name: index for index, name in enumerate(names)}
    steps = _steps(cells[names.index(step) :: width])
    if steps is None:
        return None
    epoch, seconds = axes
    rows = Rows()
    for name, index in at.items():
        if name == step and name != epoch:
            continue
        column = _column(steps, cells[index::width])
        if column is None:
            return None
        if name == epoch:
            rows.epochs = column
        elif name == seconds:
            rows.seconds = column
        elif len(column.steps):
            rows.columns[name] = column
    return DenseRows(rows, count)


def _cells(text: str) -> list[Any] | None:
    """Return the cells of all rows, with `END` behind each row and None for an empty cell."""
    try:
        return _parsed(text)
    except ValueError:
        pass
    text = f"\n{text}".replace(",,", ",null,").replace(",,", ",null,").replace("\n,", "\nnull,")
    text = text.replace(",\n", ",null\n").replace("nan", "NaN").replace("inf", "Infinity")
    try:
        return _parsed(text[1:])
    except ValueError:
        return None


def _parsed(text: str) -> list[Any]:
    ended = text.replace("\n", f',"{END}",')
    return from_json(f"[{ended[:-1]}]")


def _steps(cells: list[Any]) -> array[int] | None:
    try:
        steps = array("q", cells)
    except (TypeError, OverflowError):
        if not all(isinstance(cell, (int, float)) and cell == cell // 1 for cell in cells):
            return None
        try:
            steps = array("q", map(int, cells))
        except (OverflowError, ValueError):
            return None
    return steps if min(steps) >= 0 and max(steps) < MAX_STEP else None


def _column(steps: array[int], cells: list[Any]) -> LogColumn | None:
    """Return the numbers of a column, None where a cell holds anything else. Those without a gap share their steps."""
    try:
        return LogColumn(steps, array("d", cells))
    except OverflowError:
        return None
    except TypeError:
        filled = [(step, cell) for step, cell in zip(steps, cells, strict=True) if cell is not None]
    try:
        return LogColumn(array("q", [step for step, _ in filled]), array("d", [cell for _, cell in filled]))
    except (TypeError, OverflowError):
        return None
