"""Curves as a table of comma-separated values, or as one JSON object a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TextIO

from tui_trainer.runs.exporting.exported_run import ExportedRun

DONE = "intervention"
"""Name of the column with what was done at a step, and why."""
RUN = "run"
"""Name of the last column of a table of several runs."""


def column_names(runs: Sequence[ExportedRun]) -> list[str]:
    """Return the names of all curves, in the order of the first run that has them."""
    return list(dict.fromkeys(name for run in runs for name in run.curves))


def write_csv(runs: Sequence[ExportedRun], file: TextIO, *, interventions: bool = False) -> int:
    """Write the columns `step`, `epoch`, `seconds` and one per curve. Returns the number of rows.

    Numbers are written in the shortest form that reads back to the same float; a cell without a measurement is empty.
    A table of several runs says what was done at each step and ends with the column `run`.

    Args:
        interventions: whether a table of one run has the column of what was done, too.
    """
    several = len(runs) > 1
    names = column_names(runs)
    writer = csv.writer(file, lineterminator="\n")
    more = [DONE] if several or interventions else []
    writer.writerow(["step", "epoch", "seconds", *names, *more, *([RUN] if several else [])])
    count = 0
    for run in runs:
        places = [names.index(name) for name in run.curves]
        whole = places == list(range(len(names)))
        done = run.done_at()
        for step, seconds, values in run.rows():
            cells = ["" if value is None else repr(value) for value in values]
            if not whole:
                given = dict(zip(places, cells, strict=True))
                cells = [given.get(place, "") for place in range(len(names))]
            epoch = run.epoch_at(step)
            cells = [step, "" if epoch is None else epoch, "" if seconds is None else repr(seconds), *cells]
            if more:
                cells.append(done.get(step, ""))
            writer.writerow([*cells, run.name] if several else cells)
            count += 1
    return count


def write_json_lines(runs: Sequence[ExportedRun], file: TextIO) -> int:
    """Write an object a row with the keys of the table; a key without a measurement is left out, NaN is null."""
    count = 0
    for record in records(runs):
        file.write(json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n")
        count += 1
    return count


def records(runs: Sequence[ExportedRun]) -> Iterator[dict[str, object]]:
    """Yield the rows of runs as objects."""
    for run in runs:
        done = run.done_at()
        names = list(run.curves)
        for step, seconds, values in run.rows():
            record: dict[str, object] = {"step": step}
            epoch = run.epoch_at(step)
            if epoch is not None:
                record["epoch"] = epoch
            if seconds is not None:
                record["seconds"] = seconds
            for name, value in zip(names, values, strict=True):
                if value is not None:
                    record[name] = value if isfinite(value) else None
            if step in done:
                record[DONE] = done[step]
            if len(runs) > 1:
                record[RUN] = run.name
            yield record
