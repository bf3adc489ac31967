"""Draw chart data with plotext. No other module imports plotext.

From plotext we use the frame, the axes with their ticks and labels, and the final matrix of characters and colours. We
build one plot (`plotext._monitor.monitor_class`, with the date helper it needs from `plotext._date`) and not a plotext
figure: a figure asks the terminal for its size and writes ANSI text, which would have to be parsed again for Textual.
Both modules are private: `pyproject.toml` keeps plotext below version 6, and `tests/ui/render/test_plot.py` fails if
their names change.

Curves are our own. `render/raster.py` turns values into braille dots and `render/compositor.py` decides which layer
owns each cell. The reason is speed: plotext's braille lines cost about 20 us a dot, and it raises on values that are
not finite and on logarithms of values that are not positive. plotext gets up to `MAX_PLOTEXT_POINTS` finished cells,
because it leaves out the axes of an empty plot; all other cells are written straight into its matrix, at a tenth of the
cost.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui_trainer.text import cut, padded
from tui_trainer.ui.charts.model import Area, ChartData, MarkerLine, Tick
from tui_trainer.ui.charts.palette import GROUNDS, ROLES, Palette, Role
from tui_trainer.ui.render.compositor import Cells, Ink, Position, compose, narrow
from tui_trainer.ui.render.raster import GLYPHS, Canvas, GlyphName, Glyphs
from tui_trainer.ui.render.titles import title_line

_ROLE: dict[Role, int] = {role: index for index, role in enumerate(ROLES)}
MAX_PLOTEXT_POINTS = 256
"""Cells drawn by plotext itself, at ten times the cost of writing a cell into its matrix."""
_CONTINUED = "\0"
"""The cell after a wide character in the rows of plotext, which hold a character for each cell."""
_OFF_PLOT = -100
"""Position of an invisible tick, which reserves the space of the labels."""


def draw(
    chart_data: ChartData, width: int, height: int, palette: Palette, glyphs: GlyphName = "braille"
) -> list[Strip]:
    """Draw a chart as `height` strips of exactly `width` cells.

    Never raises: a chart that cannot be drawn becomes a short message.
    """
    if width < 1 or height < 1:
        return [Strip([], 0) for _ in range(max(height, 0))]
    glyph_set = GLYPHS[glyphs]
    try:
        rows = _plot(chart_data, Area.of(width, height, chart_data.label), width, height - 1, palette, glyph_set)
    except Exception as error:  # noqa: BLE001 - one chart that fails must not end the screen that steers a training
        rows = _notice(f"cannot be drawn: {type(error).__name__}", width, height - 1, palette)
    return [title_line(chart_data, width, palette, glyph_set), *rows]


def _plot(chart_data: ChartData, area: Area, width: int, height: int, palette: Palette, glyphs: Glyphs) -> list[Strip]:
    """Draw everything below the title."""
    if chart_data.message and not chart_data.layers:
        return _notice(chart_data.message, width, height, palette)
    if area.rows < 1:
        return _notice("", width, height, palette)
    canvas = Canvas(chart_data.x, chart_data.y, area.columns, area.rows, glyphs)
    cells = compose(chart_data, canvas, grounds=palette.grounds)
    message = narrow(chart_data.message)[: area.columns]
    cells.write(message, (area.columns - len(message)) // 2, area.rows // 2, "message")
    matrix = _plotext_matrix(chart_data, canvas, area, width, height, cells)
    shaded = _shaded_columns(chart_data, canvas)
    return list(_strips(matrix, chart_data, area, palette, glyphs, shaded))


def load_plotext() -> None:
    """Import plotext, for which the first chart would have to wait."""
    for name in ("plotext._date", "plotext._monitor"):
        importlib.import_module(name)


def _plotext_matrix(chart_data: ChartData, canvas: Canvas, area: Area, width: int, height: int, cells: Cells) -> Any:
    """Return the plot with its axes as plotext's matrix of characters and colours; a colour is the index of a role."""
    from plotext._date import date_class
    from plotext._monitor import monitor_class

    plot: Any = monitor_class()
    plot.set_date(date_class())
    plot.set_size([width, height])
    plot.set_xaxes(area.axis, False)
    plot.set_yaxes(area.label > 0, False)
    plot.set_ticks_color(_ROLE["frame"])
    plot.set_xlim(0, max(area.columns - 1, 1))
    plot.set_ylim(0, max(area.rows - 1, 1))
    _set_ticks(plot.set_xticks, plot.xticks, plot.xlabels, _x_ticks(chart_data.x.ticks, canvas, area, area.labels))
    _set_ticks(plot.set_yticks, plot.yticks, plot.ylabels, _y_ticks(chart_data.y.ticks, canvas, area.label))
    # plotext leaves out the axes of a plot without points.
    points = list(cells.front.items()) or [((0, 0), (" ", "frame"))]
    points = points[:MAX_PLOTEXT_POINTS]
    plot.draw(
        [column for (column, _), _ in points],
        [row for (_, row), _ in points],
        marker=[character for _, (character, _) in points],
        color=[_ROLE[role] for _, (_, role) in points],
    )
    plot.build_plot()
    matrix = plot.matrix
    bottom = area.labels + area.axis
    # The bands of a long run fill most of the plot: writing them into the matrix takes a tenth of the time.
    _set_cells(matrix, _merged(cells), area, bottom)
    for column in _shaded_columns(chart_data, canvas) if area.axis else ():
        at = area.left + column
        if matrix.marker[bottom - 1][at] == "─":
            matrix.insert_element(at, bottom - 1, canvas.glyphs.shaded, _ROLE["mark-line"])
    for layer in chart_data.layers:
        if isinstance(layer, MarkerLine) and (layer.letter or area.axis):
            column = canvas.column(layer.x)
            if column is not None:
                foot = narrow(layer.letter) or canvas.glyphs.foot
                at = area.left + column // canvas.glyphs.across
                matrix.insert_element(at, bottom - area.axis, foot, _ROLE[layer.foot])
    return matrix


def _merged(cells: Cells) -> dict[Position, tuple[str, Ink]]:
    """Return the cells in front over those behind; a character in front keeps the colour behind it."""
    merged: dict[Position, tuple[str, Ink]] = {**cells.back, **cells.front}
    if any(isinstance(ink, tuple) for _, ink in cells.back.values()):
        for position, (character, role) in cells.front.items():
            behind = cells.back.get(position)
            if behind is not None and isinstance(behind[1], tuple):
                merged[position] = character, (role, behind[1][1])
    return merged


def _shaded_columns(chart_data: ChartData, canvas: Canvas) -> set[int]:
    """Return the columns of cells of the shaded stretches."""
    columns: set[int] = set()
    for low, high in chart_data.shaded:
        first, last = canvas.column(low), canvas.column(high)
        if first is not None and last is not None:
            columns |= set(range(first // canvas.glyphs.across, last // canvas.glyphs.across + 1))
    return columns


def _color(ink: Ink) -> int:
    """Return the number of an ink in the matrix: that of its role, or one beyond them for a pair."""
    if isinstance(ink, tuple):
        return (_ROLE[ink[0]] + 1) * len(ROLES) + _ROLE[ink[1]]
    return _ROLE[ink]


def _style(color: int, palette: Palette) -> Style:
    """Return the style of an ink by its number."""
    if color < len(ROLES):
        return palette.styles[color]
    role = ROLES[color // len(ROLES) - 1]
    front, behind = palette.style(role), palette.styles[color % len(ROLES)]
    return front + Style(color=front.bgcolor if role in GROUNDS else front.color, bgcolor=behind.bgcolor)


def _set_cells(matrix: Any, cells: Mapping[Position, tuple[str, Ink]], area: Area, bottom: int) -> None:
    """Overwrite cells of the plot, whose lowest row is row `bottom` of the matrix."""
    left = area.left
    markers = [row[left:] for row in matrix.marker[bottom : bottom + area.rows]]
    colors = [row[left:] for row in matrix.fullground[bottom : bottom + area.rows]]
    for (column, row), (character, role) in cells.items():
        if 0 <= column < area.columns and 0 <= row < area.rows:
            markers[row][column] = character
            colors[row][column] = _color(role)
    for row in range(area.rows):
        matrix.marker[bottom + row][left:] = markers[row]
        matrix.fullground[bottom + row][left:] = colors[row]


def _set_ticks(
    setter: Callable[[list[int], list[str]], None],
    positions: list[list[int]],
    labels: list[list[str]],
    ticks: tuple[list[int], list[str]],
) -> None:
    """Set the ticks of the lower or left axis in their order.

    plotext passes ticks through a set of strings: labels would move, or be left out, with the seed of Python's hashes.
    """
    setter(*ticks)
    positions[0], labels[0] = ticks


def _x_ticks(ticks: Sequence[Tick], canvas: Canvas, area: Area, visible: bool) -> tuple[list[int], list[str]]:
    """Return cells and labels under the plot. plotext centres labels; blanks keep the first one away from the unit."""
    if not visible:
        return [], []
    labels: dict[int, str] = {}
    for tick in ticks:
        column = canvas.column(tick.at)
        if column is not None:
            cell = column // canvas.glyphs.across
            text = _one_per_cell(tick.text)
            blanks = 2 * (len(text) // 2 - cell - bool(area.label))
            labels.setdefault(cell, " " * blanks + text)
    labels = labels or {_OFF_PLOT: " "}
    return list(labels), list(labels.values())


def _y_ticks(ticks: Sequence[Tick], canvas: Canvas, width: int) -> tuple[list[int], list[str]]:
    """Return cells and labels at the left of the plot: at most one for each row, none that is too long."""
    if not width:
        return [], []
    labels: dict[int, str] = {}
    for tick in ticks:
        cell = canvas.cell(canvas.x.low, tick.at)
        text = _one_per_cell(tick.text)
        if cell is not None and len(text) <= width:
            labels.setdefault(cell[1], text.rjust(width))
    labels = labels or {_OFF_PLOT: " " * width}
    return list(labels), list(labels.values())


def _one_per_cell(text: str) -> str:
    """Return text with a character for each cell: plotext counts characters."""
    if text.isascii():
        return text
    sizes = ((character, cell_len(character)) for character in text)
    return "".join(character + _CONTINUED * (size - 1) for character, size in sizes if size)


def _strips(
    matrix: Any, chart_data: ChartData, area: Area, palette: Palette, glyphs: Glyphs, shaded: set[int]
) -> Iterator[Strip]:
    """Yield plotext's rows as strips, from the top, with the columns of shaded stretches on another background."""
    styles = palette.styles
    shade = styles[_ROLE["shade"]] if shaded and palette.grounds else None
    frame, text = styles[_ROLE["frame"]], styles[_ROLE["text"]]
    last = matrix.rows - 1
    for above, (markers, colors) in enumerate(zip(reversed(matrix.marker), reversed(matrix.fullground), strict=True)):
        line = "".join(markers)
        if glyphs.frame is not None:
            line = line.translate(glyphs.frame)
        if area.labels and above == last:
            line = padded(cut(chart_data.unit, area.label), area.label) + line[area.label :].replace(_CONTINUED, "")
            yield Strip([Segment(line, text)], matrix.cols)
            continue
        segments = [Segment(line[: area.label].replace(_CONTINUED, ""), text)] if area.label else []
        at = area.label
        inside = above < area.rows and shade is not None
        keys = (
            [(color, k in shaded) for k, color in enumerate(colors[at:], area.label - area.left)]
            if inside
            else colors[at:]
        )
        for key, run in groupby(keys):
            end = at + len(list(run))
            color, is_shaded = key if inside else (key, False)
            style = _style(color, palette) if isinstance(color, int) else frame
            if is_shaded and shade is not None:
                style += shade
            segments.append(Segment(line[at:end], style))
            at = end
        yield Strip(segments, matrix.cols)


def _notice(message: str, width: int, height: int, palette: Palette) -> list[Strip]:
    """Return an empty plot with a message in the middle."""
    style = palette.style("message")
    text = set_cell_size(message, min(cell_len(message), width))
    before = (width - cell_len(text)) // 2
    line = " " * before + text + " " * (width - before - cell_len(text))
    middle = (height - 1) // 2
    return [Strip([Segment(line if row == middle else " " * width, style)], width) for row in range(height)]
