"""The charts of exported runs: which curves share one, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tui_trainer.runs.exporting.curves import Bucket, buckets, gaps
from tui_trainer.runs.exporting.exported_run import Done, ExportedRun

MOST_CURVES = 240
"""Most curves that are drawn on one page; the further ones are named."""
MOST_COLUMNS = 900
"""Most buckets of a curve."""
ALL_BUCKETS = 12_000
"""Buckets of all curves together, as far as each has `FEWEST_COLUMNS`: a page stays below a megabyte."""
FEWEST_COLUMNS = 48
MOST_GAPS = 100
"""Values that are not finite, and marks, that one curve or chart shows."""
COLORS = 8
_SPLITS = ("train", "val", "test", "eval", "valid", "validation")
_TITLES = {"lr": "learning rate", "grad_norm": "gradient norm", "loss": "loss"}


@dataclass(slots=True)
class DrawnCurve:
    """One curve of a chart.

    Attributes:
        run: index of its run.
        color: number of its hue.
        dashed: whether it is drawn dashed: validation beside training, where hues tell runs apart.
        gaps: step and kind of values that are not finite.
    """

    run: int
    label: str
    color: int
    dashed: bool
    buckets: list[Bucket]
    gaps: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


@dataclass(slots=True)
class DrawnChart:
    """Curves with one vertical axis, and the marks of what was done, each with the index of its run."""

    title: str
    curves: list[DrawnCurve]
    marks: list[tuple[int, Done]]
    first: int
    last: int

    @property
    def values(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        drawn = [bucket for curve in self.curves for bucket in curve.buckets]
        return min((bucket.low for bucket in drawn), default=0.0), max((bucket.high for bucket in drawn), default=1.0)


def charts_of(runs: Sequence[ExportedRun], most: int = MOST_COLUMNS) -> tuple[list[DrawnChart], list[str]]:
    """Return the charts, and the names of the curves that are left out because there are too many.

    Args:
        runs: the runs, in the order of their hues.
        most: buckets of a curve.
    """
    given = [(index, name) for index, run in enumerate(runs) for name in run.curves]
    drawn, left = given[:MOST_CURVES], given[MOST_CURVES:]
    columns = min(most, max(FEWEST_COLUMNS, ALL_BUCKETS // max(len(drawn), 1)))
    first = min((run.steps[0] for run in runs if run.steps), default=0)
    last = max((run.steps[-1] for run in runs if run.steps), default=1)
    groups: dict[str, list[tuple[int, str]]] = {}
    for index, name in drawn:
        groups.setdefault(chart_of(name), []).append((index, name))
    marks = [(index, done) for index, run in enumerate(runs) for done in run.done][:MOST_GAPS]
    charts = [
        DrawnChart(_TITLES.get(title, title), _curves(runs, names, first, last, columns), marks, first, last)
        for title, names in groups.items()
    ]
    return [chart for chart in charts if any(curve.buckets for curve in chart.curves)], [name for _, name in left]


def _curves(
    runs: Sequence[ExportedRun], names: Sequence[tuple[int, str]], first: int, last: int, columns: int
) -> list[DrawnCurve]:
    curves: list[DrawnCurve] = []
    within = list(dict.fromkeys(name for _, name in names))
    for index, name in names:
        curve = runs[index].curves[name]
        several = len(runs) > 1
        curves.append(
            DrawnCurve(
                run=index,
                label=f"{runs[index].name} {name}" if several else name,
                color=(index if several else within.index(name)) % COLORS,
                dashed=several and within.index(name) % 2 == 1,
                buckets=buckets(curve, first, last, columns),
                gaps=gaps(curve)[:MOST_GAPS],
            )
        )
    return curves


def chart_of(name: str) -> str:
    """Return the title of the chart that a curve belongs to: `loss` for train_loss, val/loss and loss/val."""
    first, _, rest = name.partition("_")
    if first in _SPLITS and rest:
        return chart_of(rest) if "/" not in rest else rest
    parts = name.split("/")
    if len(parts) > 1:
        kept = [part for part in parts if part not in _SPLITS]
        if len(kept) < len(parts):
            return "/".join(kept) or name
        return parts[0]
    return name
