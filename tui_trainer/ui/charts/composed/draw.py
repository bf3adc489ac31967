"""Draw a chart of chosen series, the runs of a set behind the one in front."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.state.series_names import UNITS
from tui_trainer.text import visible
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.composed.series_chart import MAX_SERIES, SeriesChart
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.history.baseline import add_baseline
from tui_trainer.ui.charts.history.log_axis import is_share
from tui_trainer.ui.charts.kinds.series_lines import add_lines
from tui_trainer.ui.charts.labels.series_labels import chart_says, series_labels
from tui_trainer.ui.charts.model import ChartData

DENSE_PER_EPOCH = 4
"""Values per epoch above which a series counts as measured by step, and is smoothed."""


def draw(context: ChartContext, chart: SeriesChart) -> ChartData:
    """Draw the series of a chart. Only these series are read."""
    known = [name for name in chart.series if name in context.state.series]
    shown = known[:MAX_SERIES]
    share = bool(shown) and all(is_share(name.rsplit("/", 1)[-1]) for name in shown)
    units = {UNITS.get(name, "") for name in shown}
    unit = units.pop() if len(units) == 1 else ""
    title = visible(f"{chart.title} ({unit})" if unit else chart.title)
    builder = ChartBuilder(
        context, 0, title, chart=chart.id, share=share, log_series=() if share else shown,
        empty=visible(chart.title),
    )  # fmt: skip
    if len(chart.series) == 1 and shown:
        _draw_one(builder, shown[0])
    else:
        if len(shown) < len(chart.series):
            builder.add_note(f"{len(shown)} of {len(chart.series)}")
        add_lines(builder, shown, series_labels(shown))
    data = builder.build()
    return replace(data, message="not recorded by this run") if chart.series and not known else data


def _draw_one(builder: ChartBuilder, name: str) -> None:
    context = builder.context
    label = "" if chart_says(builder.name, name) else visible(name.rsplit("/", 1)[-1])
    resampled = context.resample(name)
    if resampled.series.count > DENSE_PER_EPOCH * max(context.state.epoch, 1):
        builder.add_noisy(name, label)
    else:
        builder.add_branches(name)
        builder.add_exact(resampled, context.front_label(label), context.front_role("train"), signs=True)
    if not context.single_run:
        builder.add_background(name)
    add_baseline(builder, name)
