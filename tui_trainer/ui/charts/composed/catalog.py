"""The charts that a run gets by itself for what it logs beside the standard series, in groups by prefix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from tui_trainer.diagnosis.reducer import COSINE, EFFECTIVE, QUALITY, UPDATE
from tui_trainer.state.run_state import CLOCK, EVALUATIONS, MEAN_TRAIN_LOSS
from tui_trainer.state.series_names import AXIS, STANDARD_GROUPS, group_of
from tui_trainer.ui.charts.composed.page_choice import pattern_of
from tui_trainer.ui.charts.composed.series_chart import SeriesChart

_STANDARD = frozenset(
    ("train_loss", "val_loss", "lr", "grad_norm", CLOCK, EVALUATIONS, MEAN_TRAIN_LOSS, COSINE, EFFECTIVE, QUALITY,
     UPDATE)
)  # fmt: skip
_OWN_PAGES = STANDARD_GROUPS | {AXIS}
"""Groups that are drawn elsewhere: the layers, and the columns of the horizontal axis."""
MAX_SEARCHED = 200
"""Characters of a name that a filter searches."""
MAX_LOSS = 1 / 4
"""Share of a page that may stay empty so that the next group begins a page."""


def own_charts(names: Iterable[str], metric: str = "") -> tuple[SeriesChart, ...]:
    """Return a chart for each series that no standard chart draws, ordered by group.

    The series of the same quantity on the training and validation data share a chart.

    Args:
        names: the series of a run.
        metric: the metric that the standard page draws.
    """
    charts: dict[str, list[str]] = {}
    for name in names:
        group = group_of(name)
        if name in _STANDARD or group in _OWN_PAGES:
            continue
        title = name
        if not group:
            split, _, rest = name.partition("_")
            title = rest if split in ("train", "val") and rest else name
            if metric and title == metric:
                continue
        charts.setdefault(title, []).append(name)
    ordered = sorted(charts, key=lambda title: (natural(group_of(title)), natural(title)))
    return tuple(SeriesChart(title, tuple(sorted(charts[title]))) for title in ordered)


def natural(title: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers by value: rank/2 before rank/10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", title)]


def filtered(charts: Sequence[SeriesChart], text: str) -> tuple[SeriesChart, ...]:
    """Return the charts whose title or one of whose series matches a regular expression; all for an empty one."""
    if not text:
        return tuple(charts)
    search = pattern_of(text).search
    return tuple(
        chart
        for chart in charts
        if search(chart.title, 0, MAX_SEARCHED) or any(search(name, 0, MAX_SEARCHED) for name in chart.series)
    )


def heading_of(chart: SeriesChart) -> str:
    """Return the name of the group of a chart, for the heading of its page."""
    return "yours" if chart.own else group_of(chart.series[0]) or "ungrouped"


def divided(charts: Sequence[SeriesChart], per_page: int) -> list[list[SeriesChart]]:
    """Return the charts in pages. A group begins a page where the one before it would lose a quarter at most."""
    per_page = max(per_page, 1)
    pages: list[list[SeriesChart]] = []
    for _, members in groupby(charts, heading_of):
        group = list(members)
        free = per_page - len(pages[-1]) if pages else 0
        if len(group) > free and free <= per_page * MAX_LOSS:
            free = 0
        if free:
            pages[-1] += group[:free]
        pages += [group[at : at + per_page] for at in range(free, len(group), per_page)]
    return pages
