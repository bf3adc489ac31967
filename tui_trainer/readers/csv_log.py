"""Tables as text: any CSV whose first line names its columns, with a step or an epoch among them."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_trainer.readers.columns import Axes, guess_axes
from tui_trainer.readers.dense_table import dense_rows
from tui_trainer.readers.lines import read_text, split
from tui_trainer.readers.numbers import parse, parse_column, step_of
from tui_trainer.readers.reading import CHUNK, MAX_COLUMNS, MAX_STEP, LogColumn, Position, Reading, Rows, Unreadable

DELIMITERS = ",;\t|"


@dataclass(slots=True)
class TableHeader:
    """The first line of a table, and how many of its rows were read and left out."""

    names: list[str]
    delimiter: str
    axes: Axes
    rows: int = 0
    told_of_bad: bool = False


def looks_like_csv(name: str, _head: bytes) -> bool:
    """Return whether a file is a table by its name."""
    return name.lower().endswith((".csv", ".tsv"))


def has_axes(head: bytes, told: Mapping[str, str]) -> bool:
    """Return whether a table that begins with these bytes has a step or an epoch."""
    lines = head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    try:
        _header(first, told)
    except Unreadable:
        return False
    return True


def read_csv(path: Path, position: Position, told: Mapping[str, str]) -> Reading:
    """Read rows of a table."""
    text, offset, ended = read_text(path, position.offset, position.limit or CHUNK)
    header: TableHeader | None = position.memory
    notes: list[str] = []
    if header is None:
        line, _, text = text.partition("\n")
        while text and (not line.strip() or line.startswith("#")):
            line, _, text = text.partition("\n")
        if not line.strip() or line.startswith("#"):
            return Reading(Position(offset if not ended else 0), at_end=ended)
        header = _header(line, told)
        notes.append(header.axes.in_words())
    dense = _dense(text, header)
    runs, bad = ({"": dense}, 0) if dense is not None else _blocks(_rows(split(text), header.delimiter), header)
    if bad and not header.told_of_bad:
        header.told_of_bad = True
        notes.append(f"{bad} row{'s' if bad > 1 else ''} without a step or with too few cells left out")
    return Reading(Position(offset, header), runs, notes, ended)


def _header(line: str, told: Mapping[str, str]) -> TableHeader:
    delimiter = max(DELIMITERS, key=line.count)
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error as error:
        raise Unreadable(f"its first line cannot be read: {error}") from None
    distinct: dict[str, None] = {}
    for index, name in enumerate(names):
        name = name or f"column {index + 1}"
        while name in distinct:
            name += "'"
        distinct[name] = None
    names = list(distinct)
    axes = guess_axes(names, told)
    if len(names) > MAX_COLUMNS:
        raise Unreadable(f"{len(names):,} columns; a table may have up to {MAX_COLUMNS:,}")
    return TableHeader(names, delimiter, axes)


def _dense(text: str, header: TableHeader) -> Rows | None:
    """Return the rows of a table of numbers, None where they must be read one by one."""
    axes = header.axes
    step = axes.step or axes.epoch
    if axes.run is not None or step is None:
        return None
    dense = dense_rows(text, header.names, header.delimiter, step, (axes.epoch, axes.seconds))
    if dense is None:
        return None
    header.rows += dense.lines
    return dense.rows


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    if any('"' in line for line in lines):
        try:
            return [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            pass
    return [line.split(delimiter) for line in lines if line]


def _blocks(rows: list[list[str]], header: TableHeader) -> tuple[dict[str, Rows], int]:
    """Return the columns of each run, and the number of rows that were left out."""
    width = len(header.names)
    whole = rows if all(len(row) == width for row in rows) else [row[:width] for row in rows if len(row) >= width]
    bad = len(rows) - len(whole)
    if not whole:
        return {}, bad
    if header.axes.run is None:
        block, more = _block(whole, header)
        return {"": block}, bad + more
    at = header.names.index(header.axes.run)
    by_run: dict[str, list[list[str]]] = {}
    for row in whole:
        by_run.setdefault(row[at].strip(), []).append(row)
    runs: dict[str, Rows] = {}
    for run, part in by_run.items():
        runs[run], more = _block(part, header)
        bad += more
    return runs, bad


def _block(rows: list[list[str]], header: TableHeader) -> tuple[Rows, int]:
    columns = dict(zip(header.names, zip(*rows, strict=True), strict=True))
    axes = header.axes
    steps, epochs = _steps(columns, axes, header.rows)
    header.rows += len(rows)
    bad = 0 if isinstance(steps, array) else steps.count(None)
    if bad:
        kept = [index for index, step in enumerate(steps) if step is not None]
        columns = {name: [cells[index] for index in kept] for name, cells in columns.items()}
        epochs = [epochs[index] for index in kept] if epochs is not None else None
    block_steps = steps if isinstance(steps, array) else array("q", [step for step in steps if step is not None])
    if not block_steps:
        return Rows(), bad
    block = Rows(epochs=_column(block_steps, epochs) if epochs is not None else None)
    if axes.seconds is not None:
        block.seconds = _column(block_steps, columns[axes.seconds])
    for name, cells in columns.items():
        if name not in axes.all:
            column = _column(block_steps, cells)
            if len(column.steps):
                block.columns[name] = column
    return block, bad


def _column(steps: array[int], cells: Sequence[str]) -> LogColumn:
    """Return the numbers of a column. Columns without an empty cell share their steps."""
    values = parse_column(cells)
    if values is not None:
        return LogColumn(steps, values)
    filled = [(step, cell) for step, cell in zip(steps, cells, strict=True) if cell]
    values = parse_column([cell for _, cell in filled])
    if values is not None:
        return LogColumn(array("q", [step for step, _ in filled]), values)
    column = LogColumn()
    for step, cell in filled:
        number = parse(cell)
        if number is not None:
            column.append(step, number)
    return column


def _steps(
    columns: Mapping[str, Sequence[str]], axes: Axes, before: int
) -> tuple[array[int] | list[int | None], Sequence[str] | None]:
    """Return the step of each row, and the cells of its epoch. Epochs with fractions number no rows."""
    epochs = columns[axes.epoch] if axes.epoch is not None else None
    cells = columns[axes.step] if axes.step is not None else epochs or ()
    try:
        whole = array("q", map(int, cells))
        if len(whole) and min(whole) >= 0 and max(whole) < MAX_STEP:
            return whole, epochs
        steps: list[int | None] = [step_of(cell) for cell in whole]
    except (ValueError, OverflowError):
        numbers = [parse(cell) for cell in cells]
        if axes.step is None and any(number is not None and number % 1 for number in numbers):
            return list(range(before + 1, before + len(numbers) + 1)), epochs
        steps = [step_of(number) for number in numbers]
    return steps, epochs
