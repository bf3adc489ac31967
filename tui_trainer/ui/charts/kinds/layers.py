"""The chart of gradient norms by layer, which shows vanishing and exploding gradients."""

from __future__ import annotations

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.labels.distinct_names import distinct_names
from tui_trainer.ui.charts.model import ChartData
from tui_trainer.ui.charts.palette import LAYERS
from tui_trainer.ui.charts.resample import smoothing_note, smoothing_width

PREFIX = "grad_norm/"


def layers_of(state: RunState) -> list[str]:
    """Return the layers with a known gradient norm, from input to output."""
    known = [name.removeprefix(PREFIX) for name in state.series if name.startswith(PREFIX)]
    order = {name: index for index, name in enumerate(state.layers)}
    return sorted(known, key=lambda name: order.get(name, len(order)))


def draw(context: ChartContext, key: int) -> ChartData:
    """Draw a smoothed line for each layer, or for an even selection from the first to the last layer."""
    names = layers_of(context.state)
    shown = spread_evenly(names, len(LAYERS))
    labels = distinct_names(shown)
    builder = ChartBuilder(
        context, key, "layer gradients", chart="layers", empty="layers", log_series=[PREFIX + name for name in shown]
    )
    if len(shown) < len(names):
        builder.add_note(f"{len(shown)} of {len(names)}")
    for index, name in enumerate(shown):
        role = LAYERS[shade_index(index, len(shown))]
        resampled = context.resample(PREFIX + name)
        if not resampled:
            continue
        width = smoothing_width(context.view.smoothing, resampled)
        values = resampled.smoothed(width, by_median=context.view.median) if width else None
        lines = resampled.line(role, values)
        builder.curves += lines
        builder.label_line(lines, labels[index])
        builder.add_gaps(resampled)
        builder.add_legend(role, "line", labels[index], context.value(resampled, values))
        if index == 0:
            builder.add_note(smoothing_note(width, resampled, by_median=context.view.median))
    return builder.build()


def spread_evenly(names: list[str], most: int) -> list[str]:
    """Return at most `most` names, evenly spread from the first to the last."""
    if len(names) <= most:
        return names
    return [names[index * (len(names) - 1) // (most - 1)] for index in range(most)]


def shade_index(index: int, count: int) -> int:
    """Return the index into `LAYERS` for one of `count` lines."""
    return index * (len(LAYERS) - 1) // max(count - 1, 1)
