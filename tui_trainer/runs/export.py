"""A run's curves in other formats."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TextIO

from tui_trainer.runs.history import read_history
from tui_trainer.text import visible


def write_csv(journal: Path, file: TextIO) -> int:
    """Write `step,epoch,seconds` and a column per metric; returns the number of rows.

    Numbers stand in the shortest form that reads back to the same float; where nothing was measured the cell is empty.
    After a resume or an undo a step is what it finally was. Control characters in names are made visible: the table may
    be read in a terminal. Raises `OSError`.
    """
    record = read_history(journal)
    per_epoch = max(record.started.steps_per_epoch, 1) if record.started is not None else 1
    names = record.metrics
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["step", "epoch", "seconds", *map(visible, names)])
    for step in sorted(record.rows):
        row = record.rows[step]
        seconds = repr(record.seconds[step]) if step in record.seconds else ""
        cells = [repr(row[name]) if name in row else "" for name in names]
        writer.writerow([step, -(-step // per_epoch), seconds, *cells])
    return len(record.rows)
