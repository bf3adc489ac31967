"""The chart of the loss: training loss by step and validation loss by epoch on one axis."""

from __future__ import annotations

from tui_trainer.protocol.describe import number
from tui_trainer.state.seed_band import last_and_best
from tui_trainer.text import visible
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.history.baseline import add_baseline
from tui_trainer.ui.charts.model import ChartData, LegendEntry, Level, Scatter
from tui_trainer.ui.charts.palette import BANDS
from tui_trainer.ui.charts.seeds.mean import spread_text


def draw(context: ChartContext, key: int) -> ChartData:
    """Draw the training loss (faint band and moving average), validation losses, best epoch and references."""
    builder = ChartBuilder(context, key, "loss", chart="loss", log_series=("train_loss", "val_loss"))
    builder.add_noisy("train_loss", "train")
    validation, role = context.resample("val_loss"), context.front_role("validation")
    builder.add_exact(validation, "val", role, signs=True, dotted=True)
    builder.add_branches("val_loss")
    builder.add_background("train_loss")
    add_baseline(builder, "train_loss")
    add_baseline(builder, "val_loss", dotted=True)
    lines = [curve for curve in builder.curves if not (context.seeds and curve.role in BANDS)]
    negative = any(value < 0 for curve in lines for value in curve.low)
    builder.force_log = context.converges_to_zero and not negative
    if context.single_run:
        mark_best(builder, "val_loss")
    references = context.state.started.references if context.state.started is not None else {}
    for name, value in references.items():
        builder.levels.append(Level("reference", value, visible(f"{name} {number(value)}")))
    return builder.build()


def mark_best(builder: ChartBuilder, name: str) -> None:
    """Mark the best epoch with a star on the series `name`, even if another metric chose that epoch."""
    context = builder.context
    seeds = [context.states[run] for run in context.group_of(context.front)]
    if seeds:
        summary = last_and_best(seeds, name)
        if summary is not None:
            builder.legend.append(LegendEntry(context.front_role("best"), "best", f"best {spread_text(summary.best)}"))
        return
    best, series = context.state.best, context.state.series.get(name)
    if best is None or series is None or not series.count:
        return
    sample = series.at(best.step)
    value = best.value if best.metric == name else sample[1] if sample is not None else None
    if value is None:
        return
    role = context.front_role("best")
    builder.legend.append(LegendEntry(role, "best", f"best {number(value)} @{best.epoch}"))
    position = context.grid.snap(best.step)
    if position is not None:
        builder.points.append(Scatter(role, (position,), (value,), "best"))
        builder.required.append(value)
