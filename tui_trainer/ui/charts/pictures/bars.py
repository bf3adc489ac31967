"""Groups of bars over labels, on a linear or a logarithmic axis."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Bars
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import Annotation, ChartData, Curve, Layer, LegendEntry, Level, Scale, Tick
from tui_trainer.ui.charts.palette import RUNS, Role
from tui_trainer.ui.charts.pictures.frame import Frame, footed, labels
from tui_trainer.ui.charts.ranges import vertical

WIDEST = 8
"""Cells of a bar, at most."""
LONGEST = 8
"""Cells of a label for which others are left out."""
PER_CELL = 2
"""Places in a cell at which a bar is drawn."""


def draw(frame: Frame, drawing: Bars) -> ChartData:
    """Bars of whole cells. On a logarithmic axis what is exactly zero has no bar but a 0 at its foot."""
    columns, many = frame.area.columns, len(drawing.groups)
    shown = _shown(len(drawing.labels), columns, many)
    count = max(len(shown), 1)
    slot = max(columns // count, 1)
    wide = min(max((slot - (slot > many)) // many, 1), WIDEST)
    log = drawing.y.log or (frame.view.log_y and all(v is None or v > 0 for g in drawing.groups for v in g.values))
    values = [value for group in drawing.groups for k, value in enumerate(group.values) if k in shown]
    known = [value for value in values if value is not None and (value > 0 or not log)]
    firm = [*known, *([] if log else [0.0]), *(level.at for level in drawing.levels)]
    firm += [end for end in (drawing.y.low, drawing.y.high) if end is not None and (end > 0 or not log)]
    scale = vertical([], frame.area.rows, log=log, firm=firm)
    if log and known:
        # The smallest bar is to be seen too.
        scale = vertical([], frame.area.rows, log=True, firm=[*firm, min(known) / 2])
    layers: list[Layer] = [Level("reference", level.at, visible(level.text)) for level in drawing.levels]
    longest = max((len(drawing.labels[label]) for label in shown), default=1)
    stride = max(-(-(min(longest, LONGEST) + 1) // slot), 1)
    names = labels([drawing.labels[label] for label in shown], slot * stride - 1)
    ticks = _named(names, stride, slot)
    for place, label in enumerate(shown):
        start = place * slot + max(slot - wide * many, 0) // 2
        for k, group in enumerate(drawing.groups):
            layers += _bar(RUNS[k % len(RUNS)], start + k * wide, wide, group.values[label], scale)
    legend = tuple(
        LegendEntry(RUNS[k % len(RUNS)], "band", visible(group.name)) for k, group in enumerate(drawing.groups)
    )
    notes = frame.notes(log=log)
    if len(shown) < len(drawing.labels):
        notes = (LegendEntry("text", "", f"{len(shown)} of {len(drawing.labels)}"), *notes)
    across = Scale(0.0, float(columns), tuple(ticks))
    return ChartData(
        frame.key, frame.title(drawing.title), across, scale, unit=visible(drawing.x.label), notes=notes,
        legend=(*legend, *frame.read_outs()), layers=tuple(layers),
        message="" if drawing.labels else "nothing to draw yet",
    )  # fmt: skip


def _named(names: list[str], stride: int, slot: int) -> list[Tick]:
    """The first name, the last one, and of those between as many as keep a cell between two."""
    last = len(names) - 1
    ticks = [
        Tick(slot * footed(place, names[place], slot, len(names)), names[place])
        for place in sorted({*range(0, len(names), stride), last})
        if names
    ]
    ends = [tick.at - len(tick.text) / 2 for tick in ticks]
    kept = [tick for tick in ticks[:-1] if tick.at + len(tick.text) / 2 + 1 <= ends[-1]]
    return [*kept, *ticks[-1:]]


def _shown(labels: int, columns: int, groups: int) -> list[int]:
    """The labels that there is room for, spread evenly from the first to the last."""
    room = max(columns // (groups + 1), 1)
    if labels <= room:
        return list(range(labels))
    return sorted({place * (labels - 1) // max(room - 1, 1) for place in range(room)})


def _bar(role: Role, first: int, wide: int, value: float | None, scale: Scale) -> list[Layer]:
    if value is None:
        return []
    if scale.log and value <= 0:
        return [Annotation(role, first + (wide - 1) / 2 - 0.5, scale.low, "0", needed=True)]
    foot = scale.low if scale.log else min(max(0.0, scale.low), scale.high)
    places = tuple(first + (k + 0.5) / PER_CELL for k in range(wide * PER_CELL))
    low, high = min(foot, value), max(foot, value)
    return [Curve(role, places, (low,) * len(places), (high,) * len(places))]
