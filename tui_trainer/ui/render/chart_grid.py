"""The container of the charts: large ones above, small ones in a grid below."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.containers import Container
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

Cells = Sequence[tuple[int, int, int, int]]
"""Rectangles: x, y, width, height."""


class _GridLayout(Layout):
    """Places the children that are shown at the rectangles that a function returns for the size."""

    name = "charts"

    def __init__(self) -> None:
        self.order: Sequence[str] = ()
        self.cells: Callable[[int, int, int], Cells] = lambda width, height, count: ()

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """Return the placements of the children in the order of their ids in `order`."""
        by_id = {child.id: child for child in children}
        shown = [by_id[name] for name in self.order if name in by_id]
        return [
            WidgetPlacement(Region(*cells), NULL_OFFSET, NULL_SPACING, child)
            for child, cells in zip(shown, self.cells(size.width, size.height, len(shown)), strict=False)
        ]


class ChartGrid(Container):
    """Shows some of its charts, each at the rectangle that a function computes for it.

    A chart that moves keeps its widget and its drawn lines: nothing is mounted again.
    """

    DEFAULT_CSS = """
    ChartGrid { height: 1fr; width: 1fr; padding: 0 1; }
    """

    def __init__(self, *children: Widget, id: str | None = None) -> None:
        super().__init__(*children, id=id)
        self._grid_layout = _GridLayout()

    @property
    def layout(self) -> Layout:
        """The layout of the charts."""
        return self._grid_layout

    def place(self, order: Sequence[str], cells: Callable[[int, int, int], Cells]) -> None:
        """Show the charts with these ids, in this order; `cells` returns their rectangles for width, height, count."""
        self._grid_layout.order, self._grid_layout.cells = tuple(order), cells
        for chart in self.children:
            chart.display = chart.id in order
            # Asked of a child, because a container keeps its last arrangement until one of its children changes.
            chart.refresh(layout=True)
