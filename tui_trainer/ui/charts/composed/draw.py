"""Draw a chart of chosen series, the runs of a set behind the one in front."""

from __future__ import annotations

from tui_trainer.state.series_names import UNITS
from tui_trainer.text import visible
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.composed.series_chart import SeriesChart
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.history.log_axis import is_share
from tui_trainer.ui.charts.kinds.series_lines import add_lines
from tui_trainer.ui.charts.labels.distinct_names import distinct_names
from tui_trainer.ui.charts.model import ChartData
from tui_trainer.ui.charts.palette import LAYERS

MAX_SERIES = len(LAYERS)
"""Most series of one chart; more could not be told apart."""
DENSE_PER_EPOCH = 4
"""Values per epoch above which a series counts as measured by step, and is smoothed."""


def draw(context: ChartContext, chart: SeriesChart) -> ChartData:
    """Draw the series of a chart. Only these series are read."""
    known = [name for name in chart.series if name in context.state.series]
    shown = known[:MAX_SERIES]
    share = bool(shown) and all(is_share(name.rsplit("/", 1)[-1]) for name in shown)
    unit = UNITS.get(shown[0], "") if shown else ""
    title = visible(f"{chart.title} ({unit})" if unit else chart.title)
    builder = ChartBuilder(
        context, 0, title, chart=chart.id, share=share, log_series=() if share else shown,
        empty=visible(chart.title),
    )  # fmt: skip
    if len(shown) == 1:
        _draw_one(builder, shown[0])
    else:
        if len(shown) < len(known):
            builder.add_note(f"{len(shown)} of {len(known)}")
        add_lines(builder, shown, distinct_names(shown))
    return builder.build()


def _draw_one(builder: ChartBuilder, name: str) -> None:
    context = builder.context
    label = visible(name.rsplit("/", 1)[-1])
    resampled = context.resample(name)
    if resampled.series.count > DENSE_PER_EPOCH * max(context.state.epoch, 1):
        builder.add_noisy(name, label)
    else:
        builder.add_branches(name)
        builder.add_exact(resampled, context.front_label(label), context.front_role("train"), signs=True)
    if not context.single_run:
        builder.add_background(name)
