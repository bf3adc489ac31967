"""The list of runs as text and as JSON."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from math import isfinite

import click

from tui_trainer.cli.options import json_text, print_table
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.runs.keeping.curve import curve_of
from tui_trainer.runs.keeping.disk_use import size_of, size_text
from tui_trainer.runs.keeping.spans import age_of, span_text
from tui_trainer.runs.label import label
from tui_trainer.runs.run_filter import config_of
from tui_trainer.text import cut, number, visible
from tui_trainer.ui.render.sparkline import sparkline

CURVE_WIDTH, NARROW_CURVE = 10, 6
"""Cells of a curve, the second in a terminal that is not wide."""
_COLUMNS = ("run", "status", "age", "time", "metric", "curve", "size", "tags", "epoch", "step", "note", "folder")
_NARROW = ("run", "status", "metric", "curve", "size", "tags")
"""Columns in a terminal that is not wide; the label of a run has its time."""
WIDE = 120
"""Columns of a terminal in which all of the table fits."""


def print_runs_json(runs: Sequence[RunInfo]) -> None:
    """Print the stable fields of runs with their age, size and curve, a run a line: thousands are written at once."""
    lines = ",\n".join(json_text(_as_json(run), indent=None) for run in runs)
    click.echo(f"[\n{lines}\n]" if runs else "[]")


def _as_json(run: RunInfo) -> Mapping[str, object]:
    name, values = curve_of(run.path)
    curve = {"metric": name, "values": [value if isfinite(value) else None for value in values]} if name else None
    label_ = label(run.shown, run.started)
    return run.to_json() | {"label": label_, "age": age_of(run.started), "size": size_of(run.path), "curve": curve}


def print_runs(runs: Sequence[RunInfo]) -> None:
    """Print a table: the runs of a set under a line with its name, each with its curve and its size."""
    narrow = sys.stdout.isatty() and shutil.get_terminal_size().columns < WIDE
    rows: list[dict[str, str]] = []
    sets: dict[str, list[RunInfo]] = {}
    for run in runs:
        sets.setdefault(run.group or f"\0{run.name}", []).append(run)
    for members in sets.values():
        first = members[0]
        if first.group:
            title = label(first.shown_group, min(run.started for run in members))
            rows.append({"run": f"{title} ({len(members)})"})
        rows += [_row(run, narrow) for run in members]
    columns = _NARROW if narrow else _COLUMNS
    filled = [name for name in columns if name in ("run", "folder") or any(row.get(name) for row in rows)]
    widths = {"run": 29} if narrow else {"note": 30, "tags": 24}
    cells = [[_fitted(row.get(name, ""), widths.get(name)) for name in filled] for row in rows]
    print_table(cells, filled)


def _fitted(text: str, width: int | None) -> str:
    text = visible(text)
    return text if width is None else cut(text, width, "…")


def _row(run: RunInfo, narrow: bool) -> dict[str, str]:
    age = age_of(run.started)
    name, values = curve_of(run.path)
    status = f"{run.status} ({run.reason})" if run.reason and not narrow else run.status
    if run.status == "dead" and not narrow:
        script = config_of(run).get("kind") == "script"
        status = "dead: start its script again" if script else "dead: `resume` continues it"
    elif run.starting:
        status = "starting" if narrow else "running (starting)"
    title = f"  {run.shown.rpartition('/')[2]}" if run.group else label(run.shown, run.started)
    return {
        "run": f"{title} [hidden]" if run.kept.hidden else title,
        "status": status,
        "age": span_text(age) if age is not None else "",
        "time": span_text(run.seconds) if run.seconds else "",
        "metric": _metric(run, narrow),
        "curve": sparkline(values, NARROW_CURVE if narrow else CURVE_WIDTH) if name else "",
        "size": size_text(size_of(run.path)),
        "tags": " ".join(run.kept.tags),
        "epoch": str(run.epoch),
        "step": str(run.step),
        "note": run.kept.note,
        "folder": run.name,
    }


def _metric(run: RunInfo, narrow: bool) -> str:
    """Return the best value of the metric that a run is judged by, else the last value of one."""
    if run.best and narrow:
        return f"{run.best['metric']} {number(run.best['value'], 3)}"
    if run.best:
        return f"{run.best['metric']} {number(run.best['value'])} @{run.best['epoch']}"
    for name in ("val_accuracy", "val_r2", "val_loss", "train_loss"):
        if run.metrics.get(name) is not None:
            return f"{name} {number(run.metrics[name])}"
    return ""
