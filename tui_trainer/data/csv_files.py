"""Read a CSV file as samples: numeric columns as they are, text columns one-hot encoded."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

import numpy as np

from tui_trainer.data.local_files import MEGABYTE, read_text
from tui_trainer.data.splits import Floats, Samples, refuse_huge
from tui_trainer.errors import UserError, did_you_mean

LIMIT = 64 * MEGABYTE
WORDS = 100
"""Largest number of distinct values in a text column; columns with more are names or identifiers."""


def read(path: str, target: str, ignore: Sequence[str], delimiter: str, *, classes: bool) -> Samples:
    """The table of `path`. Rows are counted as an editor counts lines, the header being row 1.

    Raises:
        UserError: the file or a column is missing; a row, a cell or a column cannot be used.
    """
    if not path:
        raise UserError('data.path is empty: give the CSV file, as in data.path = "table.csv"')
    names, rows, lines = _cells(path, delimiter)
    chosen = target or names[-1]
    for name in (chosen, *ignore):
        if name not in names:
            key = "data.ignore" if name in ignore else "data.target"
            raise UserError(f"{key} = {name!r}: {path!r} has no such column; {did_you_mean(name, names)}")
    if chosen in ignore:
        raise UserError(f"data.ignore = {chosen!r}: it is the column to predict")

    columns: list[Floats] = []
    for index, name in enumerate(names):
        if name != chosen and name not in ignore:
            columns.extend(_column(path, name, [row[index] for row in rows], lines))
            refuse_huge(len(rows), len(columns))
    if not columns:
        raise UserError(f"{path!r} has no column but {chosen!r} to learn from")
    inputs = np.stack(columns, 1)
    cells = [row[names.index(chosen)] for row in rows]
    note = f"{len(rows):,} rows, {inputs.shape[1]} numbers each"
    if not classes:
        values = _numbers(path, chosen, cells, lines)
        return Samples(inputs, values[:, None], (), note)
    words = _classes(path, chosen, cells, lines)
    indices = {word: index for index, word in enumerate(words)}
    return Samples(inputs, np.array([indices[cell] for cell in cells], np.int64), words, note)


def _cells(path: str, delimiter: str) -> tuple[list[str], list[list[str]], list[int]]:
    """Return the column names, the rows of cells, and the line number of each row."""
    reader = csv.reader(io.StringIO(read_text(path, LIMIT), newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        names = [name.strip() for name in next(reader, [])]
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                raise UserError(f"{path!r} row {reader.line_num}: {len(row)} cells where the header names {len(names)}")
            rows.append([cell.strip() for cell in row])
            lines.append(reader.line_num)
    except csv.Error as error:
        raise UserError(f"{path!r} row {reader.line_num}: {error}") from None
    if not names:
        raise UserError(f"{path!r} is empty: the first row names the columns")
    for index, name in enumerate(names):
        if name in names[:index]:
            raise UserError(f"{path!r} row 1: two columns are named {name!r}")
    if not rows:
        raise UserError(f"{path!r} has a header and no rows")
    return names, rows, lines


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _column(path: str, name: str, cells: list[str], lines: list[int]) -> list[Floats]:
    """Return one numeric column, or one column per distinct value."""
    numeric = sum(_number(cell) is not None for cell in cells)
    if numeric * 2 > len(cells):
        return [_numbers(path, name, cells, lines)]
    words = _words(path, name, cells, lines)
    if len(words) > WORDS:
        raise UserError(
            f"{path!r} column {name!r} has {len(words):,} different words, more than the {WORDS} that can be told "
            f"apart: leave it out with data.ignore = [{name!r}]"
        )
    return [np.array([cell == word for cell in cells], np.float64) for word in words]


def _numbers(path: str, name: str, cells: list[str], lines: list[int]) -> Floats:
    values = [_number(cell) for cell in cells]
    for value, cell, line in zip(values, cells, lines, strict=True):
        if value is None or not math.isfinite(value):
            given = "is empty" if not cell else f"holds {cell[:40]!r}"
            raise UserError(f"{path!r} row {line}, column {name!r} {given} where a number is wanted")
    return np.array(values, np.float64)


def _words(path: str, name: str, cells: list[str], lines: list[int]) -> list[str]:
    if "" in cells:
        raise UserError(f"{path!r} row {lines[cells.index('')]}, column {name!r} is empty: fill it or remove the row")
    return sorted(set(cells))


def _classes(path: str, name: str, cells: list[str], lines: list[int]) -> tuple[str, ...]:
    """Return the distinct target values, sorted by number if all are numeric."""
    words = _words(path, name, cells, lines)
    if len(words) < 2:
        raise UserError(f"{path!r} column {name!r} holds {words[0]!r} alone: two classes are needed")
    if len(words) > WORDS:
        raise UserError(
            f"{path!r} column {name!r} has {len(words):,} different values, more than the {WORDS} that can be classes: "
            'set data.task = "regression", or name another data.target'
        )
    sizes = {word: _number(word) for word in words}
    if None not in sizes.values():
        words.sort(key=lambda word: sizes[word] or 0.0)
    return tuple(words)
