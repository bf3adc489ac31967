"""Read the log of another program for an export: its columns, unreduced, as the runs that they belong to."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from tui_trainer.readers.columns import Names
from tui_trainer.readers.find_logs import Log
from tui_trainer.readers.follower import LogFollower
from tui_trainer.readers.order import arrange
from tui_trainer.readers.reading import LogColumn, Rows, Unreadable
from tui_trainer.runs.exporting.curves import StepCurve
from tui_trainer.runs.exporting.exported_run import ExportedRun, all_steps
from tui_trainer.runs.history import usual_first
from tui_trainer.state.series_names import MAX_NAME
from tui_trainer.text import number, visible

SINCE_1970 = 1e8
"""Seconds from which a column of times counts from 1970, not from the start."""


class _LogColumns:
    """The columns of one run of a log, block by block."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self.names = Names(told)
        self.columns: dict[str, LogColumn] = {}
        self.axes: dict[str, LogColumn] = {}
        self.settings: dict[str, Any] = {}

    def take(self, block: Rows) -> None:
        self.settings.update(block.settings)
        self.names.add(block.columns)
        for name, column in block.columns.items():
            _append(self.columns, visible(self.names[name])[:MAX_NAME], column)
        for name, column in (("epochs", block.epochs), ("seconds", block.seconds)):
            if column is not None:
                _append(self.axes, name, column)


def _append(columns: dict[str, LogColumn], name: str, column: LogColumn) -> None:
    own = columns.setdefault(name, LogColumn())
    own.steps.extend(column.steps)
    own.values.extend(column.values)


def read_log_runs(log: Log, told: Mapping[str, str]) -> list[ExportedRun]:
    """Read every run of a log to its present end.

    Raises:
        Unreadable: it cannot be read, or holds no numbers.
    """
    follower = LogFollower(log, told)
    runs: dict[str, _LogColumns] = {}
    while True:
        news = follower.read()
        if news.begun_again:
            runs.clear()
        for name, block in news.runs:
            if block.columns or name in runs or block.settings:
                runs.setdefault(name, _LogColumns(told)).take(block)
        if news.at_end:
            break
    if not any(columns.columns for columns in runs.values()):
        raise Unreadable(f"{log.files[0]}: holds no numbers")
    return [_run(log, name, columns) for name, columns in runs.items()]


def _run(log: Log, name: str, columns: _LogColumns) -> ExportedRun:
    curves = {each: _curve(columns.columns[each]) for each in usual_first(columns.columns)}
    seconds = _curve(columns.axes["seconds"]) if "seconds" in columns.axes else StepCurve()
    started = ""
    if len(seconds) and SINCE_1970 < seconds.values[0] < 1e11:
        zero = seconds.values[0]
        started = datetime.fromtimestamp(zero, UTC).isoformat(timespec="milliseconds")
        seconds.values = array("d", [value - zero for value in seconds.values])
    steps = all_steps(iter(curves.values()))
    title = visible(f"{log.format.name}: {log.files[0]}")
    return ExportedRun(
        name=visible(f"{log.name}/{name}" if name else log.name),
        title=title,
        curves=curves,
        seconds=seconds,
        steps=steps,
        epochs=_curve(columns.axes["epochs"]) if "epochs" in columns.axes else StepCurve(),
        started=started,
        facts={"log": title, "steps": f"{len(steps):,} with a measurement", **_last(curves)},
        settings={visible(str(key)): value for key, value in columns.settings.items()},
    )


def _last(curves: Mapping[str, StepCurve]) -> dict[str, str]:
    return {
        f"last {name}": number(curve.values[-1])
        for name, curve in list(curves.items())[:8]
        if len(curve) and isfinite(curve.values[-1])
    }


def _curve(column: LogColumn) -> StepCurve:
    """Return a column with ascending steps. Where steps went back and on from there, the later ones win."""
    steps, values = column.steps, column.values
    curve = StepCurve()
    for piece in arrange(steps, None).pieces:
        if piece.rows is None:
            return StepCurve(steps, values)
        if piece.restart:
            curve.cut(steps[piece.rows[0]])
        curve.steps.extend([steps[row] for row in piece.rows])
        curve.values.extend([values[row] for row in piece.rows])
    curve.sort()
    return curve
