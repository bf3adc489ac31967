"""The chart of the task's metric on both splits: accuracy, regression error, perplexity."""

from __future__ import annotations

from tui_trainer.state.name_index import names_starting_with
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.history.baseline import add_baseline
from tui_trainer.ui.charts.history.log_axis import is_share
from tui_trainer.ui.charts.kinds.loss import mark_best
from tui_trainer.ui.charts.model import ChartData, LegendEntry
from tui_trainer.ui.charts.seeds.mean import SeedMean, spread_text

SUBOPTIMALITY = "suboptimality"
"""The series of (f - f*) / (f0 - f*) for the training objective f with minimum f*; recorded on request."""

DENSE_PER_EPOCH = 4
"""Values per epoch above which a training metric counts as measured by step."""


def metric_of(state: RunState) -> str:
    """Return the name of the run's metric without prefix; empty if it has only the loss.

    A run that records its suboptimality shows that instead: such a run studies the optimizer.
    """
    if SUBOPTIMALITY in state.series:
        return SUBOPTIMALITY
    if state.started is not None and state.started.metric:
        return state.started.metric
    names = [name.removeprefix("val_") for name in names_starting_with(state.series, "val_")]
    return next((name for name in names if name != "loss"), "")


def draw(context: ChartContext, key: int) -> ChartData:
    """Draw the metric on the training and validation data, the best epoch, and R² if it is measured."""
    state = context.state
    metric = metric_of(state)
    names = (f"val_{metric}", f"train_{metric}")
    builder = ChartBuilder(
        context, key, visible(metric) or "metric", chart="metric", share=is_share(metric), by_epoch=True,
        log_series=names if metric and not _within_one(state, names) else (),
    )  # fmt: skip
    if not metric:
        return builder.build()
    if metric == SUBOPTIMALITY:
        return _suboptimality_chart(builder)
    training = context.resample(f"train_{metric}")
    if training.series.count > DENSE_PER_EPOCH * max(state.epoch, 1):
        builder.add_noisy(f"train_{metric}", "train")
    elif context.single_run:
        builder.add_exact(training, "train", "train", epoch_means=True)
    builder.add_exact(
        context.resample(f"val_{metric}"),
        context.front_label("val"),
        context.front_role("validation"),
        signs=True,
        dotted=True,
    )
    builder.add_branches(f"val_{metric}")
    for run in context.background_sample:
        resampled = context.resample(f"val_{metric}", run)
        if isinstance(resampled, SeedMean):
            builder.add_seeds(resampled, context.name(run), context.run_role(run), run, exact=True)
            continue
        lines = resampled.band(context.run_role(run), dotted=True, faint=True)
        builder.curves += lines
        builder.label_line(lines, context.name(run))
        if resampled:
            builder.add_legend(context.run_role(run), "dots", context.name(run), context.value(resampled, run=run))
    add_baseline(builder, f"val_{metric}", dotted=True)
    mark_best(builder, f"val_{metric}")
    explained = context.resample("val_r2")
    if isinstance(explained, SeedMean) and metric != "r2":
        builder.legend.append(LegendEntry("text", "", f"r2 {spread_text(explained.reading(None, None))}"))
    elif explained.series.count and metric != "r2":
        builder.add_legend("text", "", "r2", context.value(explained))
    return builder.build()


def _within_one(state: RunState, names: tuple[str, ...]) -> bool:
    """Return whether no value of these series was above 1 yet: an unknown metric may be a share."""
    known = [state.series[name] for name in names if name in state.series and state.series[name].count]
    columns = [series.columns((series.first_step, series.last_step))[0] for series in known]
    return all(column is None or 0 <= column.low <= column.high <= 1 for column in columns)


def _suboptimality_chart(builder: ChartBuilder) -> ChartData:
    """Draw the suboptimality of every run on a logarithmic axis."""
    context = builder.context
    builder.force_log = True
    builder.add_exact(context.resample(SUBOPTIMALITY), context.front_label("f - f*"), context.front_role("train"))
    for run in context.other_runs:
        resampled = context.resample(SUBOPTIMALITY, run)
        if isinstance(resampled, SeedMean):
            builder.add_seeds(resampled, context.name(run), context.run_role(run), run, exact=True)
            continue
        lines = resampled.band(context.run_role(run), faint=True)
        builder.curves += lines
        builder.label_line(lines, context.name(run))
        if resampled:
            builder.add_legend(context.run_role(run), "line", context.name(run), context.value(resampled, run=run))
    add_baseline(builder, SUBOPTIMALITY)
    return builder.build()
