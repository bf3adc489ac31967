"""The vertical lines of a chart: interventions, remarks of a lesson, firings of a guard to come, and the cursor."""

from __future__ import annotations

from tui_trainer.ui.charts.axes import Grid
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.model import MarkerLine

MIN_SPACING = 3
"""Average columns between marks below which only their letters are drawn, without vertical lines."""
REMARK_SIGN = '"'
"""Marks a remark of a lesson on the horizontal axis."""
FORESEEN_SIGN = "?"
"""Stands where a guard that is being written would have fired."""


def marker_lines(context: ChartContext) -> list[MarkerLine]:
    """Return the interventions (one letter per column of cells), other marks where there is none, and the cursor."""
    grid, view = context.grid, context.view
    cells: dict[int, list[str]] = {}
    for mark in context.state.marks:
        column = grid.column(mark.step)
        if column is not None:
            cells.setdefault(column // 2, []).append(mark.letter)
    columns = context.area.columns
    tall = len(cells) * MIN_SPACING <= columns
    lines = [
        MarkerLine("mark-line", "mark", grid.centre(2 * cell), letters[0] if len(set(letters)) == 1 else "*", tall)
        for cell, letters in sorted(cells.items())
    ]
    told = _cells(grid, view.told) - cells.keys()
    lines += [MarkerLine("mark-line", "title", grid.centre(2 * cell), REMARK_SIGN, False) for cell in sorted(told)]
    firings = () if context.state.over else view.foreseen.get(context.state.run, ())
    foreseen = _cells(grid, firings) - cells.keys()
    tall = (len(foreseen) + len(cells)) * MIN_SPACING <= columns
    lines += [MarkerLine("mark-line", "mark", grid.centre(2 * cell), FORESEEN_SIGN, tall) for cell in sorted(foreseen)]
    cursor = None if view.cursor is None else grid.snap(view.cursor)
    return lines if cursor is None else [*lines, MarkerLine("cursor", "cursor", cursor, "")]


def _cells(grid: Grid, steps: tuple[float, ...]) -> set[int]:
    return {column // 2 for step in steps if (column := grid.column(step)) is not None}
