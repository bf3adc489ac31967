"""Groups of bars over labels, on a linear or logarithmic axis."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Bars
from tui_trainer.text import cell_width, visible
from tui_trainer.ui.charts.model import Annotation, ChartData, Curve, Layer, LegendEntry, Level, Scale, Tick
from tui_trainer.ui.charts.palette import RUNS, Role
from tui_trainer.ui.charts.pictures.frame import Frame, label_position, labels
from tui_trainer.ui.charts.ranges import vertical_scale

WIDEST = 8
"""Largest width of a bar in cells."""
LONGEST = 8
"""Longest label, in cells, for which neighbouring labels are left out."""
PER_CELL = 2
"""Points per cell at which a bar is drawn."""


def draw(frame: Frame, drawing: Bars) -> ChartData:
    """Draw bars of full cells. On a logarithmic axis a value of exactly zero is a 0 at the foot instead of a bar."""
    columns, groups = frame.area.columns, len(drawing.groups)
    shown = _shown(len(drawing.labels), columns, groups)
    count = max(len(shown), 1)
    slot = max(columns // count, 1)
    bar_width = min(max((slot - (slot > groups)) // groups, 1), WIDEST)
    log = drawing.y.log or (frame.log(drawing.y) and all(v is None or v > 0 for g in drawing.groups for v in g.values))
    values = [value for group in drawing.groups for k, value in enumerate(group.values) if k in shown]
    known = [value for value in values if value is not None and (value > 0 or not log)]
    required = [*known, *([] if log else [0.0]), *(level.at for level in drawing.levels)]
    required += [end for end in (drawing.y.low, drawing.y.high) if end is not None and (end > 0 or not log)]
    scale = vertical_scale([], frame.area.rows, log=log, required=required)
    if log and known:
        # Leave room for the smallest bar.
        scale = vertical_scale([], frame.area.rows, log=True, required=[*required, min(known) / 2])
    layers: list[Layer] = [Level("reference", level.at, visible(level.text)) for level in drawing.levels]
    longest = max((cell_width(drawing.labels[label]) for label in shown), default=1)
    stride = max(-(-(min(longest, LONGEST) + 1) // slot), 1)
    names = labels([drawing.labels[label] for label in shown], slot * stride - 1)
    ticks = _named(names, stride, slot)
    for index, label in enumerate(shown):
        start = index * slot + max(slot - bar_width * groups, 0) // 2
        for k, group in enumerate(drawing.groups):
            layers += _bar(RUNS[k % len(RUNS)], start + k * bar_width, bar_width, group.values[label], scale)
    legend = tuple(
        LegendEntry(RUNS[k % len(RUNS)], "band", visible(group.name)) for k, group in enumerate(drawing.groups)
    )
    notes = frame.notes(log=log)
    if len(shown) < len(drawing.labels):
        notes = (LegendEntry("text", "", f"{len(shown)} of {len(drawing.labels)}"), *notes)
    across = Scale(0.0, float(columns), tuple(ticks))
    return ChartData(
        frame.key, frame.title(drawing.title), across, scale, unit=visible(drawing.x.label), notes=notes,
        legend=(*legend, *frame.readouts()), layers=tuple(layers),
        message="" if drawing.labels else "nothing to draw yet",
    )  # fmt: skip


def _named(names: list[str], stride: int, slot: int) -> list[Tick]:
    """Return the first name, the last name, and as groups in between as leave a cell between two."""
    last = len(names) - 1
    ticks = [
        Tick(slot * label_position(index, names[index], slot, len(names)), names[index])
        for index in sorted({*range(0, len(names), stride), last})
        if names
    ]
    ends = [tick.at - cell_width(tick.text) / 2 for tick in ticks]
    others = [tick for tick in ticks[:-1] if tick.at + cell_width(tick.text) / 2 + 1 <= ends[-1]]
    return [*others, *ticks[-1:]]


def _shown(labels: int, columns: int, groups: int) -> list[int]:
    """Return the indices of the labels that fit, evenly spread from the first to the last."""
    room = max(columns // (groups + 1), 1)
    if labels <= room:
        return list(range(labels))
    return sorted({index * (labels - 1) // max(room - 1, 1) for index in range(room)})


def _bar(role: Role, first: int, bar_width: int, value: float | None, scale: Scale) -> list[Layer]:
    if value is None:
        return []
    if scale.log and value <= 0:
        return [Annotation(role, first + (bar_width - 1) / 2 - 0.5, scale.low, "0", needed=True)]
    foot = scale.low if scale.log else min(max(0.0, scale.low), scale.high)
    positions = tuple(first + (k + 0.5) / PER_CELL for k in range(bar_width * PER_CELL))
    low, high = min(foot, value), max(foot, value)
    return [Curve(role, positions, (low,) * len(positions), (high,) * len(positions))]
