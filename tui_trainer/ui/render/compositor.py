"""A picture as characters in cells: which layer has which cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from rich.cells import cell_len

from tui_trainer.ui.charts.model import Annotation, ChartData, Curve, Field, Level, MarkerLine, Scatter, Trail, Words
from tui_trainer.ui.charts.palette import Role
from tui_trainer.ui.render.raster import Canvas, Glyphs

Spot = tuple[int, int]
"""Column from the left and row from the bottom of a plot."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Characters and their roles by spot: what lies in front, and the faint curves behind it."""

    front: dict[Spot, tuple[str, Role]] = field(default_factory=dict[Spot, tuple[str, Role]])
    back: dict[Spot, tuple[str, Role]] = field(default_factory=dict[Spot, tuple[str, Role]])

    def write(self, text: str, column: int, row: int, role: Role) -> None:
        """A text from a spot on, over whatever is there."""
        for k, character in enumerate(text):
            self.front[column + k, row] = character, role


def compose(picture: ChartData, plane: Canvas) -> Cells:
    """The characters of a plot, from the bottom layer up: what comes later covers what came before.

    A cell has one colour. Curves in front that meet in a cell take turns from column to column, so that of two lines
    which lie on each other both are seen, and every dot in the colour that it has.
    """
    cells = Cells()
    meeting: dict[Spot, dict[Role, int]] = {}
    glyphs = plane.glyphs
    for layer in picture.layers:
        match layer:
            case Curve(faint=True):
                looks = _looks(glyphs, layer.role)
                cells.back.update({(column, row): looks[dots] for column, row, dots in plane.trace(layer)})
            case Curve():
                _cover(cells, meeting, layer.role, plane.trace(layer), glyphs)
            case Field():
                for column, row, place in plane.field(layer):
                    cells.back[column, row] = glyphs.shade(place, len(layer.roles), layer.apart), layer.roles[place]
            case Trail():
                for column, row, dots in plane.trail(layer):
                    cells.front[column, row] = glyphs.dots(dots, layer.role), layer.role
            case Words():
                spot, text = plane.cell(layer.x, layer.y), narrow(layer.text)
                if spot is not None:
                    column = min(max(spot[0] - len(text) // 2, 0), max(plane.columns - len(text), 0))
                    cells.write(text[: plane.columns], column, spot[1], layer.role)
            case Level():
                row = plane.row(layer.y) // glyphs.up
                cells.write(glyphs.level * plane.columns, 0, row, layer.role)
            case MarkerLine(tall=True):
                spot = plane.cell(layer.x, plane.y.low)
                character = glyphs.mark if layer.letter else glyphs.cursor
                for row in range(plane.rows if spot else 0):
                    cells.front[spot[0] if spot else 0, row] = character, layer.role
            case Scatter():
                for x, y in zip(layer.x, layer.y, strict=True):
                    spot = plane.cell(x, y)
                    if spot is not None:
                        cells.front[spot] = glyphs.signs[layer.sign], layer.role
            case _:
                pass
    _remark(picture, plane, cells)
    return cells


def _cover(
    cells: Cells,
    meeting: dict[Spot, dict[Role, int]],
    curve: Role,
    trace: Iterable[tuple[int, int, int]],
    glyphs: Glyphs,
) -> None:
    """Put a curve in front, taking turns with those that have its cells already."""
    front, looks = cells.front, _looks(glyphs, curve)
    for column, row, dots in trace:
        spot = column, row
        here = meeting.get(spot)
        if here is None:
            meeting[spot] = {curve: dots}
            front[spot] = looks[dots]
            continue
        here[curve] = here.get(curve, 0) | dots
        role = list(here)[(column + len(here) - 1) % len(here)]
        front[spot] = glyphs.dots(here[role], role), role


@cache
def _looks(glyphs: Glyphs, role: Role) -> list[tuple[str, Role]]:
    """The character and the role of each set of dots of a curve."""
    return [(glyphs.dots(dots, role), role) for dots in range(len(glyphs.table))]


def _remark(picture: ChartData, plane: Canvas, cells: Cells) -> None:
    """Names of lines and values of what lies outside, where there is room for them."""
    soft: set[Role] = {layer.role for layer in picture.layers if isinstance(layer, (Level, MarkerLine))}
    words: set[Spot] = set()
    for layer in picture.layers:
        if isinstance(layer, Level):
            row, text = plane.row(layer.y) // plane.glyphs.up, f" {narrow(layer.text)}"
            starts = [(plane.columns - len(text), row), (0, row), (plane.columns // 2 - len(text) // 2, row)]
            needed = True
        elif isinstance(layer, Annotation):
            (column, row), text = plane.cell(layer.x, layer.y) or (0, 0), narrow(layer.text)
            starts = [(column + 1, row), (column - len(text), row), (column - len(text), row + 1)]
            needed = layer.needed
        else:
            continue
        free = [
            start
            for start in starts
            if _free(text, *start, plane, cells, soft)
            and not any((start[0] + k, start[1]) in words for k in range(len(text)))
        ]
        clear = [start for start in free if not any((start[0] + k, start[1]) in cells.back for k in range(len(text)))]
        start = next(iter(clear or (free if needed else [])), None)
        if start is not None:
            cells.write(text, *start, layer.role)
            words |= {(start[0] + k, start[1]) for k in range(len(text))}


def _free(text: str, column: int, row: int, plane: Canvas, cells: Cells, soft: set[Role]) -> bool:
    """Whether a text covers nothing in front but levels and rules."""
    if column < 0 or column + len(text) > plane.columns or row >= plane.rows:
        return False
    covered = (cells.front.get((column + k, row)) for k in range(len(text)))
    return all(cell is None or cell[1] in soft for cell in covered)


def narrow(text: str) -> str:
    """Text of which each character fills one cell: in a matrix of cells a wider one would push its row apart."""
    return text if text.isascii() else "".join(character if cell_len(character) == 1 else "?" for character in text)
