"""One group of bars over the epochs: a line for each bar."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Bars
from tui_trainer.text import visible
from tui_trainer.ui.charts.kinds.series_lines import shade_index, spread_evenly
from tui_trainer.ui.charts.labels.distinct_names import distinct_names
from tui_trainer.ui.charts.model import Annotation, ChartData, Curve, LegendEntry
from tui_trainer.ui.charts.palette import LAYERS
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.ranges import vertical_scale


def draw(frame: Frame, drawing: Bars) -> ChartData:
    """Draw the value of each bar in every recorded picture, on the vertical axis of the bars.

    A bar that is always exactly zero has no line on a logarithmic axis; the title shows its name with a 0. Of many
    labels an even selection is drawn.
    """
    group = drawing.groups[(frame.view.bars - 1) % len(drawing.groups)]
    state, log = frame.states[frame.front], frame.log(drawing.y)
    shown = spread_evenly(list(drawing.labels), len(LAYERS))
    curves: list[Curve] = []
    names: list[Annotation] = []
    legend: list[LegendEntry] = []
    for index, (label, short) in enumerate(zip(shown, distinct_names(shown), strict=True)):
        role, name = LAYERS[shade_index(index, len(shown))], visible(short)
        series = state.histories.get(f"{frame.event.name}/{group.name}/{label}")
        points = list(zip(series.steps, series.values, strict=True)) if series is not None else []
        drawn = [(state.epoch_at(step), value) for step, value in points if value > 0 or not log]
        legend.append(LegendEntry(role, "line", f"{name} 0" if points and not drawn else name))
        if drawn:
            x, y = tuple(x for x, _ in drawn), tuple(y for _, y in drawn)
            curves.append(Curve(role, x, y, y))
            names.append(Annotation(role, x[-1], y[-1], f" {name}"))
    across, _ = frame.x_scale([x for curve in curves for x in curve.x], drawing.x.model_copy(update=EPOCHS))
    few = (
        [LegendEntry("text", "", f"{len(shown)} of {len(drawing.labels)}")] if len(shown) < len(drawing.labels) else []
    )
    return ChartData(
        frame.key, f"{frame.title(drawing.title)}: {visible(group.name)} over time", across,
        vertical_scale(curves, frame.area.rows, log=log, trim=False), unit="epoch", notes=(*few, *frame.notes(log=log)),
        legend=tuple(legend), layers=(*curves, *names), message="" if curves else "all values are zero so far",
    )  # fmt: skip


EPOCHS = {"label": "epoch", "log": False, "low": 0.0, "high": None}
"""The horizontal axis, which replaces that of the bars."""
