"""The curves of the baseline: a run that stays dim behind every chart."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import short_name
from tui_trainer.ui.charts.resample import Resampled, smoothing_width


def add_baseline(builder: ChartBuilder, name: str, *, dotted: bool = False) -> None:
    """Add a series of the baseline behind all other curves of a chart, smoothed unless it is `dotted`."""
    resampled = builder.context.resample_baseline(name)
    if resampled:
        add_baseline_curve(builder, resampled, dotted=dotted)


def add_baseline_curve(builder: ChartBuilder, resampled: Resampled, *, dotted: bool = False) -> None:
    """Add a resampled series of the baseline as one line, and the name of the run once."""
    context = builder.context
    if context.baseline is None or not resampled:
        return
    width = 0 if dotted else smoothing_width(context.view.smoothing, resampled)
    values = resampled.smoothed(width, by_median=context.view.median) if width else None
    lines = [replace(line, dotted=dotted) for line in resampled.line("branch", values, faint=True)]
    builder.curves = [*lines, *builder.curves]
    if context.baseline[0].reason == "not-finite":
        builder.diverged += lines
    if not any(entry.role == "branch" for entry in builder.legend):
        builder.add_legend("branch", "line", f"baseline {short_name(context.baseline[0])}", resampled.series.last)
