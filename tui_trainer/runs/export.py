"""Export a run's curves to other formats."""

from __future__ import annotations

import csv
from math import ceil
from pathlib import Path
from typing import TextIO

from tui_trainer.components.schedulers.epoch_lengths import epoch_at
from tui_trainer.runs.history import read_history
from tui_trainer.text import visible


def write_csv(journal: Path, file: TextIO) -> int:
    """Write the columns `step`, `epoch`, `seconds` and one per metric. Returns the number of rows.

    Numbers are written in the shortest form that reads back to the same float; a cell without a measurement is empty.
    After a resume or an undo, a row holds the values of the branch that was kept. Control characters in names are made
    visible, because the table may be printed in a terminal. Raises `OSError`.
    """
    history = read_history(journal)
    per_epoch = max(history.started.steps_per_epoch, 1) if history.started is not None else 1
    names = history.metrics
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["step", "epoch", "seconds", *map(visible, names)])
    for step in sorted(history.rows):
        row = history.rows[step]
        seconds = repr(history.seconds[step]) if step in history.seconds else ""
        cells = [repr(row[name]) if name in row else "" for name in names]
        epoch = ceil(epoch_at(history.lengths, step)) if history.lengths else -(-step // per_epoch)
        writer.writerow([step, epoch, seconds, *cells])
    return len(history.rows)
