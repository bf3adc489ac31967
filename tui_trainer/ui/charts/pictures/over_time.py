"""One group of bars over the epochs: a line for each bar, from the first label to the last."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Bars
from tui_trainer.text import visible
from tui_trainer.ui.charts.kinds.layers import shade, spread, tail
from tui_trainer.ui.charts.model import Annotation, ChartData, Curve, LegendEntry
from tui_trainer.ui.charts.palette import LAYERS
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.ranges import vertical


def draw(frame: Frame, drawing: Bars) -> ChartData:
    """What each bar has stood at whenever the picture was taken, on the axis that the bars have.

    On a logarithmic one what is exactly zero has no place: its name stands with a 0 in the title. Of many labels some,
    spread evenly.
    """
    group = drawing.groups[(frame.view.bars - 1) % len(drawing.groups)]
    state, log = frame.states[frame.front], drawing.y.log or frame.view.log_y
    shown = spread(list(drawing.labels), len(LAYERS))
    curves: list[Curve] = []
    names: list[Annotation] = []
    legend: list[LegendEntry] = []
    for place, label in enumerate(shown):
        role, name = LAYERS[shade(place, len(shown))], visible(tail(label))
        series = state.histories.get(f"{frame.event.name}/{group.name}/{label}")
        points = list(zip(series.steps, series.values, strict=True)) if series is not None else []
        kept = [(step / state.steps_per_epoch, value) for step, value in points if value > 0 or not log]
        legend.append(LegendEntry(role, "line", f"{name} 0" if points and not kept else name))
        if kept:
            x, y = tuple(x for x, _ in kept), tuple(y for _, y in kept)
            curves.append(Curve(role, x, y, y))
            names.append(Annotation(role, x[-1], y[-1], f" {name}"))
    across, _ = frame.across([x for curve in curves for x in curve.x], drawing.x.model_copy(update=EPOCHS))
    few = (
        [LegendEntry("text", "", f"{len(shown)} of {len(drawing.labels)}")] if len(shown) < len(drawing.labels) else []
    )
    return ChartData(
        frame.key, f"{frame.title(drawing.title)}: {visible(group.name)} over time", across,
        vertical(curves, frame.area.rows, log=log, cut=False), unit="epoch", notes=(*few, *frame.notes(log=log)),
        legend=tuple(legend), layers=(*curves, *names), message="" if curves else "nothing but zeros so far",
    )  # fmt: skip


EPOCHS = {"label": "epoch", "log": False, "low": 0.0, "high": None}
"""The axis, whatever that of the bars is."""
