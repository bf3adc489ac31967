"""The compositor: decide which layer of a chart owns each cell, and with which character."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from rich.cells import cell_len

from tui_trainer.ui.charts.model import (
    Annotation,
    CenteredText,
    ChartData,
    Curve,
    Field,
    Level,
    MarkerLine,
    Regions,
    Scatter,
    Trail,
)
from tui_trainer.ui.charts.palette import BANDS, Role
from tui_trainer.ui.render.raster import Canvas, Glyphs
from tui_trainer.ui.render.regions import region_characters, region_tones

Position = tuple[int, int]
"""Column from the left and row from the bottom of the plot."""
Ink = Role | tuple[Role, Role]
"""The role of a character, or those of a character and of what is behind it."""
UPPER_HALF = "▀"


@dataclass(frozen=True, slots=True)
class Cells:
    """Characters and roles by position: the layers in front, and the faint curves and fields behind them."""

    front: dict[Position, tuple[str, Role]] = field(default_factory=dict[Position, tuple[str, Role]])
    back: dict[Position, tuple[str, Ink]] = field(default_factory=dict[Position, tuple[str, Ink]])

    def write(self, text: str, column: int, row: int, role: Role) -> None:
        """Write a text in front, starting at `column`, `row`."""
        for k, character in enumerate(text):
            self.front[column + k, row] = character, role


def compose(chart_data: ChartData, canvas: Canvas, *, grounds: bool = False) -> Cells:
    """Compose the characters of a plot from the bottom layer up; later layers cover earlier ones.

    A cell has one colour. Curves in front that share cells alternate from column to column, so that both of two
    coinciding lines are visible, each dot in the colour of its own curve. With `grounds`, characters may have a colour
    behind them.
    """
    cells = Cells()
    shared: dict[Position, dict[Role, int]] = {}
    trails: dict[tuple[int, int, Role], int] = {}
    glyphs = canvas.glyphs
    for layer in chart_data.layers:
        match layer:
            case Curve(faint=True):
                characters = _curve_characters(glyphs, layer.role)
                cells.back.update(
                    {(column, row): characters[dots] for column, row, dots in canvas.rasterize_curve(layer)}
                )
            case Curve():
                _draw_curve(cells, shared, layer.role, canvas.rasterize_curve(layer), glyphs)
            case Field():
                for column, row, shade in canvas.rasterize_field(layer):
                    cells.back[column, row] = glyphs.shade(shade, len(layer.roles)), layer.roles[shade]
            case Regions():
                if grounds and glyphs.letters is None:
                    for column, row, top, bottom in region_tones(layer, canvas):
                        cells.back[column, row] = UPPER_HALF, (top, bottom)
                else:
                    cells.back.update(region_characters(layer, canvas))
            case Trail(faint=True):
                for column, row, dots in canvas.rasterize_trail(layer):
                    # Neighbouring pieces of one line share cells.
                    dots |= trails.get((column, row, layer.role), 0)
                    trails[column, row, layer.role] = dots
                    cells.back[column, row] = glyphs.curve_character(dots, layer.role), layer.role
            case Trail():
                for column, row, dots in canvas.rasterize_trail(layer):
                    cells.front[column, row] = glyphs.curve_character(dots, layer.role), layer.role
            case CenteredText():
                position, text = canvas.cell(layer.x, layer.y), narrow(layer.text)
                if position is not None:
                    column = min(max(position[0] - len(text) // 2, 0), max(canvas.columns - len(text), 0))
                    cells.write(text[: canvas.columns], column, position[1], layer.role)
            case Level():
                row = canvas.row(layer.y) // glyphs.up
                cells.write(glyphs.level * canvas.columns, 0, row, layer.role)
            case MarkerLine(tall=True):
                position = canvas.cell(layer.x, canvas.y.low)
                character = glyphs.mark if layer.letter else glyphs.cursor
                for row in range(canvas.rows if position else 0):
                    cells.front[position[0] if position else 0, row] = character, layer.role
            case Scatter():
                for x, y in zip(layer.x, layer.y, strict=True):
                    position = canvas.cell(x, y)
                    if position is not None:
                        cells.front[position] = glyphs.signs[layer.sign], layer.role
            case _:
                pass
    _place_labels(chart_data, canvas, cells)
    return cells


def _draw_curve(
    cells: Cells,
    shared: dict[Position, dict[Role, int]],
    curve: Role,
    trace: Iterable[tuple[int, int, int]],
    glyphs: Glyphs,
) -> None:
    """Draw a curve in front, alternating with the curves that already use the same cells."""
    front, characters = cells.front, _curve_characters(glyphs, curve)
    for column, row, dots in trace:
        position = column, row
        dots_by_role = shared.get(position)
        if dots_by_role is None:
            shared[position] = {curve: dots}
            front[position] = characters[dots]
            continue
        dots_by_role[curve] = dots_by_role.get(curve, 0) | dots
        role = list(dots_by_role)[(column + len(dots_by_role) - 1) % len(dots_by_role)]
        front[position] = glyphs.curve_character(dots_by_role[role], role), role


@cache
def _curve_characters(glyphs: Glyphs, role: Role) -> list[tuple[str, Role]]:
    """Return the character and role of a curve for every set of dots."""
    return [(glyphs.curve_character(dots, role), role) for dots in range(len(glyphs.table))]


def _place_labels(chart_data: ChartData, canvas: Canvas, cells: Cells) -> None:
    """Write names of lines and values of outliers where there is space for them."""
    coverable: set[Role] = {layer.role for layer in chart_data.layers if isinstance(layer, (Level, MarkerLine))}
    occupied: set[Position] = set()
    for layer in chart_data.layers:
        if isinstance(layer, Level):
            row, text = canvas.row(layer.y) // canvas.glyphs.up, f" {narrow(layer.text)}"
            starts = [(canvas.columns - len(text), row), (0, row), (canvas.columns // 2 - len(text) // 2, row)]
            needed = True
        elif isinstance(layer, Annotation):
            (column, row), text = canvas.cell(layer.x, layer.y) or (0, 0), narrow(layer.text)
            left = column - len(text)
            rows = sorted(range(-layer.away, layer.away + 1), key=lambda away: (abs(away), -away))
            starts = [(column + 1, row), *((left, row + away) for away in rows)]
            needed = layer.needed
        else:
            continue
        free = [
            start
            for start in starts
            if _is_free(text, *start, canvas, cells, coverable)
            and not any((start[0] + k, start[1]) in occupied for k in range(len(text)))
        ]
        clear = [start for start in free if _is_clear(text, *start, cells)]
        start = next(iter(clear or (free if needed else [])), None)
        if start is not None:
            cells.write(text, *start, layer.role)
            occupied |= {(start[0] + k, start[1]) for k in range(len(text))}


def _is_free(text: str, column: int, row: int, canvas: Canvas, cells: Cells, coverable: set[Role]) -> bool:
    """Return whether a text at this position would cover only levels and marker lines in front."""
    if column < 0 or column + len(text) > canvas.columns or not 0 <= row < canvas.rows:
        return False
    covered = (cells.front.get((column + k, row)) for k in range(len(text)))
    return all(cell is None or cell[1] in coverable for cell in covered)


def _is_clear(text: str, column: int, row: int, cells: Cells) -> bool:
    """Return whether a text at this position would cover nothing behind, except raw values behind their mean."""
    behind = (cells.back.get((column + k, row)) for k in range(len(text)))
    return all(cell is None or cell[1] in BANDS for cell in behind)


def narrow(text: str) -> str:
    """Return text in which every character fills one cell: a wider one would shift the rest of its row."""
    return text if text.isascii() else "".join(character if cell_len(character) == 1 else "?" for character in text)
