"""A table of numbers as shades, with the numbers where they fit."""

from __future__ import annotations

from tui_trainer.protocol.pictures import Heat
from tui_trainer.text import cell_width, visible
from tui_trainer.ui.charts.model import LABEL, CenteredText, ChartData, Field, Layer, LegendEntry, Scale, Tick
from tui_trainer.ui.charts.palette import LAYERS
from tui_trainer.ui.charts.pictures.frame import Frame, label_position, labels
from tui_trainer.ui.charts.ticks import short


def label_width(drawing: Heat, width: int) -> int:
    """Return the cells for row names: the length of the longest, at most a quarter of the width."""
    return max(LABEL, min(max(cell_width(visible(name)) for name in drawing.rows), width // 4))


def draw(frame: Frame, drawing: Heat) -> ChartData:
    """Draw the first row on top, in shades from empty and dark to full and bright, readable without colours."""
    across, down = len(drawing.columns), len(drawing.rows)
    known = [value for row in drawing.values for value in row if value is not None]
    low = drawing.low if drawing.low is not None else min(known, default=0.0)
    high = drawing.high if drawing.high is not None else max(known, default=1.0)
    count = len(LAYERS)
    levels = tuple(low + (high - low) * k / count for k in range(1, count)) if high > low else (high,) * (count - 1)
    layers: list[Layer] = [Field(tuple(reversed(drawing.values)), levels, LAYERS)]
    room, rows = frame.area.columns / across, frame.area.rows / down
    for index, row in enumerate(drawing.values):
        for column, value in enumerate(row):
            text = "-" if value is None else short(value) if value else "0"
            if rows >= 1 and len(text) <= room - 1 and not (value == 0 and low == 0):
                padded = f" {text} " if len(text) <= room - 3 else text
                layers.append(CenteredText("title", column + 0.5, down - index - 0.5, padded))
    stride = max(int(-(-4 // room)), 1)
    cells = int(room * stride) - 1
    feet = labels(drawing.columns, cells)
    narrow = int(room * stride - 2.01)
    if cell_width(feet[-1]) > narrow:  # the edge of the plot is its neighbour
        feet[-1] = labels(drawing.columns, narrow)[-1]
    named = range(0, across, stride)
    ticks = [Tick(label_position(index, feet[index], room, across), feet[index]) for index in named]
    if named[-1] == across - 1 and cell_width(feet[-1]) >= narrow - 1:
        # plotext moves a label away from the edge, by half of what is missing for its full width on the right: a wide
        # one would touch its neighbour, and be left out.
        ticks[-1] = Tick(across - 1.5 / room, feet[-1])
    lefts = [Tick(down - index - 0.5, name) for index, name in enumerate(labels(drawing.rows, frame.area.label))]
    ends = LegendEntry(LAYERS[-1], "band", f"{short(low) if low else 0} to {short(high) if high else 0}")
    return ChartData(
        frame.key, frame.title(drawing.title), Scale(0.0, float(across), tuple(ticks)),
        Scale(0.0, float(down), tuple(lefts)), unit=visible(drawing.x.label),
        notes=frame.notes(), legend=(ends, *frame.readouts()), layers=tuple(layers), label=frame.area.label,
    )  # fmt: skip
