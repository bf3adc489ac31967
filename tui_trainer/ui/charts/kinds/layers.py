"""The gradient norm of each layer: whether it vanishes or explodes on its way back."""

from __future__ import annotations

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.model import ChartData
from tui_trainer.ui.charts.palette import LAYERS
from tui_trainer.ui.charts.resample import smoothing_note, smoothing_width

PREFIX = "grad_norm/"


def layers_of(state: RunState) -> list[str]:
    """The layers whose gradient norm is known, from input to output."""
    known = [name.removeprefix(PREFIX) for name in state.series if name.startswith(PREFIX)]
    order = {name: place for place, name in enumerate(state.layers)}
    return sorted(known, key=lambda name: order.get(name, len(order)))


def draw(scene: ChartContext, key: int) -> ChartData:
    """A smoothed line for each layer; of many layers some, spread evenly from the first to the last."""
    sheet = ChartBuilder(scene, key, "layer gradients", empty="layers")
    names = layers_of(scene.state)
    shown = spread(names, len(LAYERS))
    if len(shown) < len(names):
        sheet.note(f"{len(shown)} of {len(names)}")
    for place, name in enumerate(shown):
        role = LAYERS[shade(place, len(shown))]
        cut = scene.cut(PREFIX + name)
        if not cut:
            continue
        width = smoothing_width(scene.view.smoothing, cut)
        values = cut.smoothed(width) if width else None
        lines = cut.line(role, values)
        sheet.curves += lines
        sheet.name_line(lines, tail(name))
        sheet.lost(cut)
        sheet.read(role, "line", tail(name), scene.value(cut, values))
        if place == 0:
            sheet.note(smoothing_note(width, cut))
    return sheet.finish()


def spread(names: list[str], most: int) -> list[str]:
    """At most so many names, from the first to the last."""
    if len(names) <= most:
        return names
    return [names[place * (len(names) - 1) // (most - 1)] for place in range(most)]


def shade(place: int, count: int) -> int:
    """The place among the colours of layers of one of `count`."""
    return place * (len(LAYERS) - 1) // max(count - 1, 1)


def tail(name: str) -> str:
    """The end of a long name: what tells layers apart stands there."""
    return name if len(name) <= 12 else "…" + name[-11:]
