"""Read a table as samples: number columns as they are, text columns as columns of zeros and ones."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tui_trainer.data.fingerprint import of_bytes
from tui_trainer.data.local_files import MEGABYTE, read_text
from tui_trainer.data.splits import Floats, ReadColumn, Samples, refuse_huge
from tui_trainer.errors import UserError, did_you_mean

LIMIT = 64 * MEGABYTE
WORDS = 100
"""The most distinct words in one column; a column with more holds names or identifiers."""
FEW_ROWS = 20
"""With fewer rows, a text column may hold a different word in each of them by chance."""
NAMED = 8
"""The most columns of one kind that the note names."""
MISSING = frozenset(
    [
        "",
        "#n/a",
        "#n/a n/a",
        "#na",
        "-1.#ind",
        "-1.#qnan",
        "-nan",
        "1.#ind",
        "1.#qnan",
        "<na>",
        "n/a",
        "na",
        "nan",
        "none",
        "null",
        "?",
        "-",
    ]
)
"""Cells that mean a missing value, in lower case: those of pandas, a question mark and a dash."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?([eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)
_GROUPED_FOR_SURE = re.compile(r"[+-]?[1-9]\d{0,2}((,\d{3})+\.\d*|(,\d{3}){2,})", re.ASCII)
_IDENTIFIER_NAME = re.compile(r"(.*[_\s.-])?(id|uuid|guid|index|key|nr|no\.?|number)|unnamed: \d+|", re.IGNORECASE)

MISSING_HINT = 'set data.missing = "fill" or "drop"'
Missing = Literal["refuse", "fill", "drop"]
Kind = Literal["numbers", "decimal commas", "grouped", "words", "identifier"]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table.

    Attributes:
        cells: one for each row.
        lines: the line in which each row ends, as an editor counts them.
    """

    path: str
    name: str
    cells: list[str]
    lines: list[int]

    @property
    def kind(self) -> Kind:
        """Decide by the cells that are not missing; most of them decide where they disagree."""
        present = [cell for cell in self.cells if not is_missing(cell)]
        if not present:
            raise self.error(0, "is empty in every row: leave the column out")
        plain = sum(_NUMBER.fullmatch(cell) is not None for cell in present)
        comma = sum(_COMMA_NUMBER.fullmatch(cell) is not None for cell in present)
        grouped = sum(_number(cell, "grouped") is not None for cell in present)
        if grouped > plain and grouped * 2 > len(present) and any(map(_GROUPED_FOR_SURE.fullmatch, present)):
            return "grouped"
        if plain < len(present) and comma > plain and comma * 2 > len(present):
            return "decimal commas"
        if plain * 2 > len(present):
            return "identifier" if self._is_numbered(present, plain) else "numbers"
        either = sum(
            _number(cell, "numbers") is not None or _number(cell, "decimal commas") is not None for cell in present
        )
        if either * 2 > len(present):
            return "numbers" if plain >= comma else "decimal commas"  # `numbers` refuses the cells of the other sort
        distinct = len(set(present))
        if distinct == len(self.cells) and (distinct >= FEW_ROWS or _IDENTIFIER_NAME.fullmatch(self.name)):
            return "identifier"
        return "words"

    def _is_numbered(self, present: list[str], plain: int) -> bool:
        """Return whether the cells are different whole numbers under the name of an identifier."""
        return (
            plain == len(self.cells) == len(set(present))
            and _IDENTIFIER_NAME.fullmatch(self.name) is not None
            and all(cell.lstrip("+-").isdecimal() for cell in present)
        )

    @property
    def number_kind(self) -> Kind:
        """The way in which a column to predict writes its numbers."""
        kind = self.kind
        return kind if kind in ("decimal commas", "grouped") else "numbers"

    def numbers(self, kind: Kind, *, fill: bool = False) -> Floats:
        """The column as numbers, NaN for missing ones with `fill`. Raises `UserError` for the first other cell that is
        not one, or not finite."""
        values = [math.nan if fill and is_missing(cell) else _number(cell, kind) for cell in self.cells]
        for row, (value, cell) in enumerate(zip(values, self.cells, strict=True)):
            other: Kind = "numbers" if kind == "decimal commas" else "decimal commas"
            if value is None and _number(cell, other) is not None:
                written = "a decimal comma" if kind == "decimal commas" else "a decimal point"
                raise self.error(row, f"{_holds(cell)}, and other rows have {written}: write all numbers alike")
            if value is None or (not math.isfinite(value) and not (fill and is_missing(cell))):
                hint = f"; {MISSING_HINT}" if is_missing(cell) and not fill else ""
                raise self.error(row, f"{_holds(cell)} where a number is expected{hint}")
        return np.array(values, np.float64)

    def words(self, *, fill: bool = False) -> list[str]:
        """The distinct words, sorted. Raises `UserError` for the first missing cell, unless `fill` leaves it out."""
        if fill:
            return sorted({cell for cell in self.cells if not is_missing(cell)})
        for row, cell in enumerate(self.cells):
            if is_missing(cell):
                raise self.error(row, f"{_holds(cell)}: fill it or remove the row, or {MISSING_HINT}")
        return sorted(set(self.cells))

    def error(self, row: int, text: str) -> UserError:
        """An error that names the file, the row and the column."""
        return UserError(f"{self.path!r} row {self.lines[row]}, column {self.name!r} {text}")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of cells as text.

    Attributes:
        path: its file, for messages.
        names: the names of the columns.
        rows: the cells of each row.
        lines: the number of each row in the file.
        content: the bytes of the file.
    """

    path: str
    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    content: bytes


def read(
    path: str, target: str, ignore: Sequence[str], delimiter: str, *, classes: bool, missing: Missing = "refuse"
) -> Samples:
    """Read the CSV file at `path`. Rows are counted as an editor counts lines, the header being row 1.

    Columns that look like identifiers are left out; the note says what each column was taken for.

    Raises:
        UserError: the file or a column is missing; a row, a cell or a column cannot be used.
    """
    if not path:
        raise UserError('data.path is empty: give the CSV file, as in data.path = "table.csv"')
    file = read_text(path, LIMIT)
    names, rows, lines = _cells(path, file.text, delimiter)
    return samples_of(Table(path, names, rows, lines, file.content), target, ignore, classes=classes, missing=missing)


def samples_of(
    table: Table, target: str, ignore: Sequence[str], *, classes: bool, missing: Missing = "refuse"
) -> Samples:
    """Return the samples of a table.

    Args:
        target: the column to predict; the last one if empty.
        ignore: columns to leave out.
        classes: whether it holds classes, or numbers.
        missing: what becomes of missing values: the first is refused, rows with one are dropped, or numbers become NaN,
            to be filled with the mean of the training rows, and words a row of zeros.

    Raises:
        UserError: a column is missing; a cell or a column cannot be used.
    """
    path, names = table.path, table.names
    chosen = target or names[-1]
    if not chosen:
        raise UserError(
            f"{path!r} row 1: the last column has no name: remove the delimiter before it, or set data.target"
        )
    for name in (chosen, *ignore):
        if name not in names:
            key = "data.ignore" if name in ignore else "data.target"
            raise UserError(f"{key} = {name!r}: {path!r} has no such column; {did_you_mean(name, names)}")
    if chosen in ignore:
        raise UserError(f"data.ignore = {chosen!r}: it is the column to predict")
    said = ""
    if missing == "drop":
        table, said = _complete(table, [name for name in names if name not in ignore])

    rows, fill = table.rows, missing == "fill"
    columns: list[Floats] = []
    features: list[str] = []
    kinds: dict[str, list[str]] = {}
    filled: list[str] = []
    read_as: list[ReadColumn] = []
    by_name = {name: _Column(path, name, [row[index] for row in rows], table.lines) for index, name in enumerate(names)}
    for name, column in by_name.items():
        if name != chosen and name not in ignore:
            kind = column.kind
            made = _inputs(column, kind, fill=fill)
            columns.extend(made)
            words = column.words(fill=fill) if kind == "words" else []
            features += [f"{name}={word}" for word in words] if kind == "words" else [name] * len(made)
            if made:
                read_as.append(ReadColumn(name, kind, tuple(words)))
            kinds.setdefault(kind, []).append(f"{name} ({len(made)})" if kind == "words" else name)
            if fill and made and (count := sum(map(is_missing, column.cells))):
                filled.append(f"{name} {count}")
            refuse_huge(len(rows), len(columns))
    if not columns:
        identifiers = kinds.get("identifier", [])
        left_out = f" ({_listed(identifiers)} left out: different in every row)" if identifiers else ""
        raise UserError(f"{path!r} has no column but {chosen!r} to learn from{left_out}")
    if filled:
        said = f"; missing values filled: {_listed(filled)}"
    inputs = np.stack(columns, 1)
    column = by_name[chosen]
    if classes:
        targets, labels, index = _classes(column)
    else:
        targets, labels, index = column.numbers(column.number_kind)[:, None], (), {}
    return Samples(
        inputs,
        targets,
        labels,
        f"{len(rows):,} rows, {inputs.shape[1]} numbers each; {_note(kinds)}{said}",
        fingerprint=of_bytes(table.content, len(rows), "rows"),
        features=tuple(features),
        fills=fill,
        columns=(*read_as, ReadColumn(chosen, column.number_kind, classes=index)),
    )


def _complete(table: Table, used: Sequence[str]) -> tuple[Table, str]:
    """Return the table without the rows that miss a value in one of the columns, and a note about them."""
    indices = [table.names.index(name) for name in used]
    kept = [number for number, row in enumerate(table.rows) if not any(is_missing(row[index]) for index in indices)]
    if not kept:
        raise UserError(
            f'{table.path!r}: every row misses a value, and data.missing = "drop" leaves none: leave columns out with '
            'data.ignore, or set data.missing = "fill"'
        )
    dropped = len(table.rows) - len(kept)
    rows, lines = [table.rows[number] for number in kept], [table.lines[number] for number in kept]
    said = f"; {dropped:,} rows with missing values left out" if dropped else ""
    return Table(table.path, table.names, rows, lines, table.content), said


def is_missing(cell: str) -> bool:
    """Return whether a cell means a missing value."""
    return cell.lower() in MISSING


def _cells(path: str, text: str, delimiter: str) -> tuple[list[str], list[list[str]], list[int]]:
    """The names of the columns, the rows of cells, and the line in which each row ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        names = [name.strip() for name in next(reader, [])]
        hint = _delimiter_hint(names)
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                raise UserError(
                    f"{path!r} row {reader.line_num}: {len(row)} cells where the header names {len(names)}{hint}"
                )
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
    if len(names) == 1 and hint:
        raise UserError(f"{path!r} row 1 names one column, {names[0][:40]!r}{hint}")
    return names, rows, lines


def _delimiter_hint(names: list[str]) -> str:
    """Suggest another delimiter where a header of one name holds one."""
    if len(names) == 1:
        for other in (";", "\t", "|", ","):
            if other in names[0]:
                return f"; did you mean data.delimiter = {other!r}?"
    return ""


def _number(cell: str, kind: Kind) -> float | None:
    """The value of a cell, None where it is not a number. Underscores and words such as inf make it text."""
    if kind == "grouped":
        grouped = _GROUPED.fullmatch(cell) is not None or _GROUPED_FOR_SURE.fullmatch(cell) is not None
        return float(cell.replace(",", "")) if grouped or _NUMBER.fullmatch(cell) else None
    if kind == "decimal commas":
        if _COMMA_NUMBER.fullmatch(cell) is None:
            return None
        return float(cell.replace(".", "").replace(",", "."))
    return float(cell) if _NUMBER.fullmatch(cell) else None


def _inputs(column: _Column, kind: Kind, *, fill: bool) -> list[Floats]:
    """The input columns that a table column becomes: itself, one for each word, or none for an identifier."""
    if kind == "identifier":
        return []
    if kind != "words":
        return [column.numbers(kind, fill=fill)]
    words = column.words(fill=fill)
    if len(words) > WORDS:
        raise UserError(
            f"{column.path!r} column {column.name!r} has {len(words):,} different words, more than the {WORDS} that "
            f"one column may have: leave it out with data.ignore = [{column.name!r}]"
        )
    return [np.array([cell == word for cell in column.cells], np.float64) for word in words]


def _classes(column: _Column) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], tuple[str, ...], dict[str, int]]:
    """The class of each row, the names of the classes, and the class of each cell.

    Labels that are numbers are compared as numbers, so that `1` and `1.0` are one class, and ordered so if all are.
    """
    words = column.words()
    values = {word: _number(word, column.number_kind) for word in words}
    if None not in values.values():
        numbers = sorted({value for value in values.values() if value is not None})
        names = [_plain(number) for number in numbers]
        index = {word: numbers.index(value) for word, value in values.items() if value is not None}
    else:
        plain = {word: word if value is None else _plain(value) for word, value in values.items()}
        names = sorted(set(plain.values()))
        index = {word: names.index(name) for word, name in plain.items()}
    if len(names) < 2:
        raise UserError(f"{column.path!r} column {column.name!r} holds {names[0]!r} alone: two classes are needed")
    if len(names) > WORDS:
        raise UserError(
            f"{column.path!r} column {column.name!r} has {len(names):,} different values, more than the {WORDS} that "
            'can be classes: set data.task = "regression", or name another data.target'
        )
    return np.array([index[cell] for cell in column.cells], np.int64), tuple(names), index


def _plain(number: float) -> str:
    """A label as people write it: whole numbers without a point."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _holds(cell: str) -> str:
    return f"holds {cell[:40]!r}" if cell else "is empty"


def _note(kinds: dict[str, list[str]]) -> str:
    """Describe in one line how each column was read."""
    labels = {
        "numbers": "numbers: ",
        "decimal commas": "numbers with a decimal comma: ",
        "grouped": "numbers with commas between thousands: ",
        "words": "words, one column each: ",
        "identifier": "left out as identifiers, different in every row: ",
    }
    return "; ".join(f"{label}{_listed(kinds[kind])}" for kind, label in labels.items() if kind in kinds)


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(name or "the one without a name" for name in names[:NAMED]) + (
        f" and {more} more" if more > 0 else ""
    )
