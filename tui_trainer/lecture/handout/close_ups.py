"""The ranges of steps and values that remarks of a lesson speak of, as charts of their own."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from tui_trainer.runs.exporting.chart_groups import DrawnChart, charts_of
from tui_trainer.runs.exporting.curves import StepCurve
from tui_trainer.runs.exporting.exported_run import ExportedRun

Range = tuple[float, float] | None

_TITLES = {"loss": ("loss",), "metric": ("suboptimality", "accuracy", "rmse"), "norm": ("gradient norm",)}
"""Titles of the charts that a remark means by its `show`, the first that there is."""


def close_ups(runs: Sequence[ExportedRun], lesson: Mapping[str, Any], columns: int) -> list[DrawnChart]:
    """Return a chart for each range that a remark shows, in the order of the remarks, none twice.

    Args:
        columns: buckets of a curve.
    """
    wanted: dict[tuple[str, Range, Range], None] = {}
    for remark in lesson.get("remarks") or ():
        x, y = (tuple(ends) if (ends := remark.get(name)) else None for name in ("x", "y"))
        if remark.get("show") in _TITLES and (x or y):
            wanted[remark["show"], x, y] = None
    found: list[DrawnChart] = []
    for show, x, y in wanted:
        charts, _ = charts_of([_cut(run, x, y) for run in runs], columns)
        by_title = {chart.title: chart for chart in charts}
        chart = next((by_title[title] for title in _TITLES[show] if title in by_title), None)
        if chart is not None and chart.values[0] < chart.values[1]:
            name = f"{chart.title}, steps {x[0]:g} to {x[1]:g}" if x else chart.title
            found.append(replace(chart, title=f"{name}, from {y[0]:g} to {y[1]:g}" if y else name))
    return found


def _cut(run: ExportedRun, x: Range, y: Range) -> ExportedRun:
    """Return a run with the values inside the ranges alone, and without marks."""
    curves = {name: _inside(curve, x, y) for name, curve in run.curves.items()}
    steps = array("q", [step for step in run.steps if x is None or x[0] <= step <= x[1]])
    return replace(run, curves={name: curve for name, curve in curves.items() if len(curve)}, steps=steps, done=[])


def _inside(curve: StepCurve, x: Range, y: Range) -> StepCurve:
    kept = StepCurve()
    for step, value in zip(curve.steps, curve.values, strict=True):
        if (x is None or x[0] <= step <= x[1]) and isfinite(value) and (y is None or y[0] <= value <= y[1]):
            kept.put(step, value)
    return kept
