"""Curves as a Parquet file, by the extra `parquet` (pyarrow)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from typing import Any, BinaryIO

from tui_trainer.errors import UserError
from tui_trainer.runs.exporting.csv_table import DONE, RUN, column_names
from tui_trainer.runs.exporting.exported_run import ExportedRun

GROUP = 1 << 16
"""Rows that are written at a time."""


def require_parquet() -> Any:
    """Return the module that writes Parquet files. Raises `UserError` where it is not installed."""
    try:
        import pyarrow.parquet as writer  # pyright: ignore[reportMissingImports,reportMissingModuleSource]
    except ImportError:
        raise UserError("Parquet files need pyarrow: install it with pip install 'tui-trainer[parquet]'") from None
    return writer


def write_parquet(runs: Sequence[ExportedRun], file: BinaryIO) -> int:
    """Write `step`, `epoch`, `seconds`, one column per curve, what was done, and the run; null where nothing is.

    The metadata of the file hold the settings of each run as JSON, under `tui_trainer`.
    """
    writer = require_parquet()
    import pyarrow as arrow  # pyright: ignore[reportMissingImports,reportMissingModuleSource]

    names = column_names(runs)
    number, text = arrow.float64(), arrow.string()
    fields = [("step", arrow.int64()), ("epoch", number), ("seconds", number)]
    fields += [*((name, number) for name in names), (DONE, text), (RUN, text)]
    about = json.dumps({run.name: {"title": run.title, "settings": run.settings} for run in runs}, default=str)
    schema = arrow.schema(fields, metadata={"tui_trainer": about})
    count = 0
    with writer.ParquetWriter(file, schema) as parquet:
        for run in runs:
            done, place = run.done_at(), {name: index for index, name in enumerate(run.curves)}
            rows = run.rows()
            while group := list(islice(rows, GROUP)):
                columns: list[Any] = [
                    [step for step, _, _ in group],
                    [run.epoch_at(step) for step, _, _ in group],
                    [seconds for _, seconds, _ in group],
                ]
                for name in names:
                    at = place.get(name)
                    columns.append([None] * len(group) if at is None else [values[at] for _, _, values in group])
                columns += [[done.get(step) for step, _, _ in group], [run.name] * len(group)]
                arrays = [arrow.array(column, type=kind) for column, (_, kind) in zip(columns, fields, strict=True)]
                parquet.write_table(arrow.Table.from_arrays(arrays, schema=schema))
                count += len(group)
    return count
