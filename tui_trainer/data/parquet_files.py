"""Read a Parquet file as a table of cells; what becomes of its columns is decided as for a CSV file."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from tui_trainer.data.csv_files import LIMIT, Missing, Table, samples_of
from tui_trainer.data.local_files import read_bytes
from tui_trainer.data.splits import Samples, refuse_huge
from tui_trainer.errors import UserError


def read(path: str, target: str, ignore: Sequence[str], *, classes: bool, missing: Missing) -> Samples:
    """Read the Parquet file at `path`. Rows are counted from 1.

    Raises:
        UserError: pyarrow is not installed; the file or a column is missing or cannot be used.
    """
    if not path:
        raise UserError('data.path is empty: give the Parquet file, as in data.path = "table.parquet"')
    try:
        arrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise UserError('data.kind = "parquet" needs the package pyarrow: pip install "tui-trainer[parquet]"') from None
    content = read_bytes(path, LIMIT)
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        names = [str(name) for name in file.schema_arrow.names]
        refuse_huge(file.metadata.num_rows, len(names))
        _check_names(path, names)
        columns = [
            _is_read(path, name, field, ignore, arrow) for name, field in zip(names, file.schema_arrow, strict=True)
        ]
        table = file.read()
    except (arrow.ArrowException, OSError) as error:
        raise UserError(f"data.path = {path!r} is not a Parquet file: {str(error).splitlines()[0][:200]}") from None
    if not names or not table.num_rows:
        raise UserError(f"{path!r} has no rows or no columns")
    cells = [
        [_text(value) for value in table.column(index).to_pylist()] if used else [""] * table.num_rows
        for index, used in enumerate(columns)
    ]
    rows = [list(row) for row in zip(*cells, strict=True)]
    return samples_of(
        Table(path, names, rows, list(range(1, len(rows) + 1)), content),
        target,
        ignore,
        classes=classes,
        missing=missing,
    )


def _check_names(path: str, names: list[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise UserError(f"{path!r}: two columns are named {name!r}")


def _is_read(path: str, name: str, field: Any, ignore: Sequence[str], arrow: Any) -> bool:
    """Return whether a column is read. Raises `UserError` for one whose values are no cells, unless it is ignored."""
    if name in ignore:
        return False
    kind = field.type
    if arrow.types.is_nested(kind) or arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind):
        raise UserError(
            f"{path!r} column {name!r} holds {kind}, and numbers or words are expected: leave it out with "
            f"data.ignore = [{name!r}]"
        )
    return True


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value).strip()
