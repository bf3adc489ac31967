"""A histogram over the steps, as a strip of shades: steps across, bins upward, the shade for the share of a bin."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.protocol.describe import number
from tui_trainer.protocol.pictures import Histogram
from tui_trainer.state.histogram_history import BINS, HeatColumn, HistogramHistory
from tui_trainer.text import visible
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.model import ChartData, Curve, Field, LegendEntry, MarkerLine, Scale
from tui_trainer.ui.charts.palette import LAYERS
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.ranges import vertical_scale

LEVELS = tuple((index / len(LAYERS)) ** 2 for index in range(1, len(LAYERS)))
"""Thresholds of the shades as parts of the largest share; small shares get most of the shades."""


def draw(frame: Frame, drawing: Histogram) -> ChartData:
    """Draw the group that the view has chosen, on the same horizontal axis as the charts.

    The title reads off the median and the middle 90 % at the cursor, or of the newest histogram.
    """
    place = frame.view.bars % len(drawing.groups)
    name = drawing.groups[place].name
    history = frame.states[frame.front].histograms.get(f"{frame.event.name}/{name}", HistogramHistory())
    context = ChartContext.of(frame.states, frame.front, frame.view, frame.area)
    title = f"{frame.title(drawing.title)} {visible(name)}".strip()
    builder = ChartBuilder(context, frame.key, title, chart=frame.event.name, trim=False, empty="histogram")
    edges = context.grid.edges[::2]
    columns = [_column(history, edges[k], edges[k + 1]) for k in range(len(edges) - 1)]
    shown = [column for column in columns if column is not None]
    if not shown:
        return replace(builder.build(), message="no histogram in this part of the run")
    first, last = _filled(shown)
    size = (history.high - history.low) / BINS
    low, high = history.low + first * size, history.low + (last + 1) * size
    middle = (context.grid.low + context.grid.high) / 2
    builder.curves = [Curve("reference", (middle,), (low,), (high,))]  # has the builder lay out marks and cursor
    built = builder.build()
    ticks = vertical_scale([], frame.area.rows, log=False, required=[low, high]).ticks
    scale = Scale(low, high, tuple(tick for tick in ticks if low <= tick.at <= high))
    rows = min(last + 1 - first, max(frame.area.rows, 1))
    field = _field(columns, first, last, rows)
    at = context.cursor_step()
    read = history.at(at) if at is not None else history.columns[-1]
    parts = [f"{place + 1} of {len(drawing.groups)}"] if len(drawing.groups) > 1 else []
    notes = tuple(LegendEntry("text", "", part) for part in parts)
    marks = tuple(layer for layer in built.layers if isinstance(layer, MarkerLine))
    return replace(
        built, y=scale, layers=(field, *marks), notes=notes, legend=_readout(history, read),
    )  # fmt: skip


def _column(history: HistogramHistory, left: float, right: float) -> list[float] | None:
    """Return the mean shares of the histograms between two steps; those before them while no other was recorded."""
    found = [column for column in history.columns if column.last >= left and column.first <= right]
    if not found:
        before = history.at(left)
        if before is None or left > history.last_step:
            return None
        found = [before]
    count = sum(column.count for column in found)
    return [sum(column.shares[index] for column in found) / count for index in range(BINS)]


def _filled(columns: list[list[float]]) -> tuple[int, int]:
    """Return the first and the last bin with a value."""
    used = [index for index in range(BINS) if any(column[index] > 0 for column in columns)]
    return (used[0], used[-1]) if used else (0, BINS - 1)


def _field(columns: list[list[float] | None], first: int, last: int, rows: int) -> Field:
    """Return shades of bins `first` to `last` in so many rows, the lowest row first."""
    count = last + 1 - first
    grid: list[tuple[float | None, ...]] = []
    for row in range(rows):
        start, end = first + row * count // rows, first + (row + 1) * count // rows
        grid.append(tuple(None if column is None else sum(column[start:end]) or None for column in columns))
    most = max((value for row in grid for value in row if value is not None), default=1.0)
    return Field(tuple(grid), tuple(level * most for level in LEVELS), LAYERS)


def _readout(history: HistogramHistory, column: HeatColumn | None) -> tuple[LegendEntry, ...]:
    if column is None:
        return ()
    low, middle, high = (_quantile(history, column, share) for share in (0.05, 0.5, 0.95))
    return (
        LegendEntry(LAYERS[-1], "band", f"median {number(middle, 3)}"),
        LegendEntry("text", "", f"90 % in {number(low, 3)} to {number(high, 3)}"),
        LegendEntry("text", "", f"step {column.first:,}"),
    )


def _quantile(history: HistogramHistory, column: HeatColumn, share: float) -> float:
    """Return a quantile; the values in a bin count as evenly spread."""
    size, wanted, below = (history.high - history.low) / BINS, share * sum(column.shares), 0.0
    for index, value in enumerate(column.shares):
        if value > 0 and below + value >= wanted:
            return history.low + (index + (wanted - below) / value) * size
        below += value
    return history.high
