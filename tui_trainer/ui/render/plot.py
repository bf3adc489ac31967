"""Pictures drawn by plotext: from numbers and roles to coloured cells. Nothing else imports plotext."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from tui_trainer.ui.charts.model import Area, ChartData, MarkerLine, Tick
from tui_trainer.ui.charts.palette import ROLES, Palette, Role
from tui_trainer.ui.render.compositor import Cells, Spot, compose, narrow
from tui_trainer.ui.render.raster import GLYPHS, Canvas, GlyphName, Glyphs
from tui_trainer.ui.render.titles import title_line

_ROLE: dict[Role, int] = {role: place for place, role in enumerate(ROLES)}
SPOTS = 256
"""Cells that plotext draws itself, at ten times the cost of placing one in its matrix."""
_NOWHERE = -100
"""A tick that far outside is not drawn, and still holds the room of its labels."""


def draw(picture: ChartData, width: int, height: int, palette: Palette, glyphs: GlyphName = "braille") -> list[Strip]:
    """The picture as `height` strips of exactly `width` cells.

    It never raises: a picture that cannot be drawn leaves a short message in its place.
    """
    if width < 1 or height < 1:
        return [Strip([], 0) for _ in range(max(height, 0))]
    characters = GLYPHS[glyphs]
    try:
        rows = _plot(picture, Area.of(width, height, picture.label), width, height - 1, palette, characters)
    except Exception as error:  # noqa: BLE001 - one chart that fails must not end the screen that steers a training
        rows = _notice(f"cannot be drawn: {type(error).__name__}", width, height - 1, palette)
    return [title_line(picture, width, palette, characters), *rows]


def _plot(picture: ChartData, area: Area, width: int, height: int, palette: Palette, glyphs: Glyphs) -> list[Strip]:
    """Everything under the title."""
    if picture.message and not picture.layers:
        return _notice(picture.message, width, height, palette)
    if area.rows < 1:
        return _notice("", width, height, palette)
    plane = Canvas(picture.x, picture.y, area.columns, area.rows, glyphs)
    cells = compose(picture, plane)
    message = narrow(picture.message)[: area.columns]
    cells.write(message, (area.columns - len(message)) // 2, area.rows // 2, "message")
    matrix = _with_plotext(picture, plane, area, width, height, cells)
    return list(_strips(matrix, picture, area, palette, glyphs))


def _with_plotext(picture: ChartData, plane: Canvas, area: Area, width: int, height: int, cells: Cells) -> Any:
    """The plot with its axes, as plotext's matrix of characters and colours; a colour is the number of a role.

    plotext gets whole cells and no values: its own braille lines cost 20 us a dot (and a value that is not finite, or
    a logarithm of one that is not positive, an exception). What it draws is a plot of its own, without the figure
    around it, which would ask the terminal for its size.
    """
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
    plot.set_xticks(*_across(picture.x.ticks, plane, area) if area.labels else ([], []))
    plot.set_yticks(*_upward(picture.y.ticks, plane, area.label) if area.label else ([], []))
    # plotext leaves out the axes of a plot without points.
    spots = list(cells.front.items()) or [((0, 0), (" ", "frame"))]
    spots = spots[:SPOTS]
    plot.draw(
        [column for (column, _), _ in spots],
        [row for (_, row), _ in spots],
        marker=[character for _, (character, _) in spots],
        color=[_ROLE[role] for _, (_, role) in spots],
    )
    plot.build_plot()
    matrix = plot.matrix
    bottom = area.labels + area.axis
    # The bands of a long run fill most of the plot; placing their cells one by one takes a tenth of the time.
    _place(matrix, {**cells.back, **cells.front}, area, bottom)
    for layer in picture.layers:
        if isinstance(layer, MarkerLine) and (layer.letter or area.axis):
            column = plane.column(layer.x)
            if column is not None:
                foot = narrow(layer.letter) or plane.glyphs.foot
                at = area.left + column // plane.glyphs.across
                matrix.insert_element(at, bottom - area.axis, foot, _ROLE[layer.foot])
    return matrix


def _place(matrix: Any, found: Mapping[Spot, tuple[str, Role]], area: Area, bottom: int) -> None:
    """Set cells of the plot, `bottom` rows over the lowest of the matrix, over what stands there."""
    left = area.left
    markers = [row[left:] for row in matrix.marker[bottom : bottom + area.rows]]
    colors = [row[left:] for row in matrix.fullground[bottom : bottom + area.rows]]
    for (column, row), (character, role) in found.items():
        if 0 <= column < area.columns and 0 <= row < area.rows:
            markers[row][column] = character
            colors[row][column] = _ROLE[role]
    for row in range(area.rows):
        matrix.marker[bottom + row][left:] = markers[row]
        matrix.fullground[bottom + row][left:] = colors[row]


def _across(ticks: Sequence[Tick], plane: Canvas, area: Area) -> tuple[list[int], list[str]]:
    """Cells and labels under the plot. plotext centres them; blanks keep the first one out of the unit beside it."""
    found: dict[int, str] = {}
    for tick in ticks:
        column = plane.column(tick.at)
        if column is not None:
            cell = column // plane.glyphs.across
            blanks = 2 * (len(tick.text) // 2 - cell - bool(area.label))
            found.setdefault(cell, " " * blanks + tick.text)
    found = found or {_NOWHERE: " "}
    return list(found), list(found.values())


def _upward(ticks: Sequence[Tick], plane: Canvas, width: int) -> tuple[list[int], list[str]]:
    """Cells and labels beside the plot, one at most for each row and none that is too long."""
    found: dict[int, str] = {}
    for tick in ticks:
        spot = plane.cell(plane.x.low, tick.at)
        if spot is not None and len(tick.text) <= width:
            found.setdefault(spot[1], tick.text.rjust(width))
    found = found or {_NOWHERE: " " * width}
    return list(found), list(found.values())


def _strips(matrix: Any, picture: ChartData, area: Area, palette: Palette, glyphs: Glyphs) -> Iterator[Strip]:
    """plotext's rows, from the top, as strips."""
    styles = palette.styles
    frame, text = styles[_ROLE["frame"]], styles[_ROLE["text"]]
    last = matrix.rows - 1
    for above, (markers, colors) in enumerate(zip(reversed(matrix.marker), reversed(matrix.fullground), strict=True)):
        line = "".join(markers)
        if glyphs.frame is not None:
            line = line.translate(glyphs.frame)
        if area.labels and above == last:
            line = picture.unit[: area.label].ljust(area.label) + line[area.label :]
            yield Strip([Segment(line, text)], matrix.cols)
            continue
        found = [Segment(line[: area.label], text)] if area.label else []
        at = area.label
        for color, run in groupby(colors[at:]):
            end = at + len(list(run))
            found.append(Segment(line[at:end], styles[color] if isinstance(color, int) else frame))
            at = end
        yield Strip(found, matrix.cols)


def _notice(message: str, width: int, height: int, palette: Palette) -> list[Strip]:
    """An empty plot with a message in the middle."""
    style = palette.style("message")
    words = set_cell_size(message, min(cell_len(message), width))
    before = (width - cell_len(words)) // 2
    line = " " * before + words + " " * (width - before - cell_len(words))
    middle = (height - 1) // 2
    return [Strip([Segment(line if row == middle else " " * width, style)], width) for row in range(height)]
