"""One line for each of several series of the run in front, in the hues that tell series apart."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.palette import LAYERS
from tui_trainer.ui.charts.resample import smoothing_note, smoothing_width
from tui_trainer.ui.charts.seeds.mean import SeedMean


def add_lines(builder: ChartBuilder, names: Sequence[str], labels: Sequence[str]) -> None:
    """Add a smoothed line, the gaps and a legend entry for each series; those without points have none.

    Args:
        names: at most as many series as there are hues in `LAYERS`.
        labels: the text of each in the legend.
    """
    context = builder.context
    for index, (name, label) in enumerate(zip(names, labels, strict=True)):
        role = LAYERS[shade_index(index, len(names))]
        resampled = context.resample(name)
        if not resampled:
            continue
        if isinstance(resampled, SeedMean):
            builder.add_seeds(resampled, label, role)
            continue
        width = smoothing_width(context.view.smoothing, resampled)
        values = resampled.smoothed(width, by_median=context.view.median) if width else None
        lines = resampled.line(role, values)
        builder.curves += lines
        builder.label_line(lines, label)
        builder.add_gaps(resampled)
        builder.add_legend(role, "line", label, context.value(resampled, values))
        if index == 0:
            builder.add_note(smoothing_note(width, resampled, by_median=context.view.median))


def spread_evenly(names: list[str], most: int) -> list[str]:
    """Return at most `most` names, evenly spread from the first to the last."""
    if len(names) <= most:
        return names
    return [names[index * (len(names) - 1) // (most - 1)] for index in range(most)]


def shade_index(index: int, count: int) -> int:
    """Return the index into `LAYERS` for one of `count` lines."""
    return index * (len(LAYERS) - 1) // max(count - 1, 1)
