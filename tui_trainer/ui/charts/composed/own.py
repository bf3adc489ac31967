"""The charts that a user composes: their titles, their order, and how they are written to the state file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tui_trainer.state.series_names import AXIS, MAX_NAME, group_of, title_of
from tui_trainer.ui.charts.composed.series_chart import MAX_SERIES, SeriesChart
from tui_trainer.ui.charts.view import AXES

MAX_OWN = 32
"""Most charts of a project."""
MAX_TITLE = 60
"""Most characters of a title."""
MAX_SMOOTHING = 1_000_000
"""Widest moving average, in steps."""

Charts = tuple[SeriesChart, ...]


def title_for(series: Sequence[str], taken: Sequence[str] = ()) -> str:
    """Return a title for a chart of these series that no other chart has."""
    groups = list(dict.fromkeys(group_of(name) for name in series))
    if len(groups) == 1 and groups[0] and len(series) > 1:
        title = f"{groups[0]}: {', '.join(title_of(name) for name in series)}"
    else:
        title = ", ".join(series)
    title = (title or "chart")[:MAX_TITLE].strip()
    number, unique = 2, title
    while unique in taken:
        end = f" {number}"
        unique, number = title[: MAX_TITLE - len(end)] + end, number + 1
    return unique


def title_problem(title: str, taken: Sequence[str]) -> str:
    """Return why a chart cannot have this title; empty if it can."""
    if not title.isprintable():
        return "the title has characters that cannot be printed"
    if len(title) > MAX_TITLE:
        return f"the title has {len(title)} characters; it may have up to {MAX_TITLE}"
    return f'another chart has the title "{title}"' if title in taken else ""


def moved(charts: Charts, index: int, by: int) -> Charts:
    """Return the charts with one of them moved by some places, as far as there are any."""
    order = list(charts)
    order.insert(min(max(index + by, 0), len(order) - 1), order.pop(index))
    return tuple(order)


def as_tables(charts: Sequence[SeriesChart]) -> list[dict[str, Any]]:
    """Return charts as plain values, for JSON."""
    tables: list[dict[str, Any]] = []
    for chart in charts:
        choices = {"axis": chart.axis, "log": chart.log, "smoothing": chart.smoothing}
        known = {name: value for name, value in choices.items() if value is not None}
        tables.append({"title": chart.title, "series": list(chart.series), **known})
    return tables


def from_tables(tables: object) -> Charts:
    """Return the charts that plain values describe. What is no chart is left out; names that no run has stay."""
    charts: dict[str, SeriesChart] = {}
    for table in tables[:MAX_OWN] if isinstance(tables, list) else ():
        chart = _chart(table) if isinstance(table, dict) else None
        if chart is not None:
            charts.setdefault(chart.title, chart)
    return tuple(charts.values())


def _chart(table: Mapping[str, Any]) -> SeriesChart | None:
    title, series, axis = table.get("title"), table.get("series"), table.get("axis")
    if not _text(title, MAX_TITLE) or not isinstance(series, list):
        return None
    names = tuple(dict.fromkeys(name for name in series if _text(name, MAX_NAME)))[:MAX_SERIES]
    if not names:
        return None
    log, smoothing = table.get("log"), table.get("smoothing")
    known_axis = _text(axis, MAX_NAME) and (axis in AXES or group_of(str(axis)) == AXIS)
    return SeriesChart(
        str(title),
        names,
        axis=str(axis) if known_axis else None,
        log=log if isinstance(log, bool) else None,
        smoothing=smoothing if type(smoothing) is int and 0 <= smoothing <= MAX_SMOOTHING else None,
        own=True,
    )


def _text(value: object, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and value.isprintable()
