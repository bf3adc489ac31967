"""Read samples of a long log: windows spread over its files, from which a first picture is drawn at once."""

from __future__ import annotations

from collections.abc import Mapping

from tui_trainer.readers.find_logs import Log
from tui_trainer.readers.reading import LogColumn, Position, Rows, Unreadable

MIN_BYTES = 1 << 23
"""Bytes of the shortest log of which a sample comes first."""
WINDOWS = 192
"""Windows of a log: about one for each column of a chart."""
WINDOW = 1 << 13
"""Bytes of a window."""


def sampled(log: Log, told: Mapping[str, str]) -> dict[str, Rows]:
    """Return columns of each run with gaps between the windows; none for a short log, or one that cannot be sampled."""
    align = log.format.align
    sizes = {path: path.stat().st_size for path in log.files}
    total = sum(sizes.values())
    if align is None or total < MIN_BYTES:
        return {}
    runs: dict[str, Rows] = {}
    for path, size in sizes.items():
        windows = max(WINDOWS * size // total, 1)
        position = Position(limit=WINDOW)
        for window in range(windows + 1):
            if window:
                begin = (size - 2 * WINDOW) * window // windows
                if begin <= position.offset:
                    continue
                last = window == windows
                start = align(path, begin, 2 * WINDOW)
                position = Position(start, position.memory, 4 * WINDOW if last else WINDOW)
            try:
                reading = log.format.read(path, position, told)
            except Unreadable:
                break
            position = Position(reading.position.offset, reading.position.memory, WINDOW)
            for name, rows in reading.runs.items():
                _append(runs.setdefault(name, Rows()), rows)
    return runs


def _append(whole: Rows, rows: Rows) -> None:
    whole.settings.update(rows.settings)
    for name, column in rows.columns.items():
        whole.columns[name] = _joined(whole.columns.get(name), column)
    if rows.epochs is not None:
        whole.epochs = _joined(whole.epochs, rows.epochs)
    if rows.seconds is not None:
        whole.seconds = _joined(whole.seconds, rows.seconds)


def _joined(column: LogColumn | None, more: LogColumn) -> LogColumn:
    if column is None:
        return LogColumn(more.steps[:], more.values[:])
    column.steps.extend(more.steps)
    column.values.extend(more.values)
    return column
