"""The chart of gradient norms by layer, which shows vanishing and exploding gradients."""

from __future__ import annotations

from tui_trainer.state.name_index import names_starting_with
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.kinds.series_lines import add_lines, spread_evenly
from tui_trainer.ui.charts.labels.distinct_names import distinct_names
from tui_trainer.ui.charts.model import ChartData
from tui_trainer.ui.charts.palette import LAYERS

PREFIX = "grad_norm/"


def layers_of(state: RunState) -> list[str]:
    """Return the layers with a known gradient norm, from input to output."""
    known = [name.removeprefix(PREFIX) for name in names_starting_with(state.series, PREFIX)]
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
    add_lines(builder, [PREFIX + name for name in shown], labels)
    return builder.build()
