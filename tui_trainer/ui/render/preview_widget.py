"""The preview of a learning-rate plan in a dialog."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from textual.app import ComposeResult
from textual.widget import Widget

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.ui.charts.registry import ChartData, ChartKind
from tui_trainer.ui.render.chart_widget import Chart

Draw = Callable[[LrPlan | None, int, int], ChartData]
"""Draw the plan in force and the given plan in so many columns and rows."""


Choice = TypeVar("Choice")


def considered(make_plan: Callable[[Choice], LrPlan | None] | None, choice: Choice | None) -> LrPlan | None:
    """Return the plan that a choice would make; None without a choice or if it cannot be computed."""
    if make_plan is None or choice is None:
        return None
    try:
        return make_plan(choice)
    except (ArithmeticError, ValueError):
        return None


class Preview(Widget):
    """The learning-rate chart with a plan on it, updated while the user types."""

    DEFAULT_CSS = """
    Preview { width: 1fr; }
    Preview Chart { width: 1fr; height: 1fr; }
    """

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw = draw
        self._plan: LrPlan | None = None

    def compose(self) -> ComposeResult:
        """Yield the chart."""
        glyphs = "ascii" if self.app.has_class("-ascii") else "braille"
        yield Chart(ChartKind.RATE.key, ChartKind.RATE, glyphs=glyphs)

    def show(self, plan: LrPlan | None) -> None:
        """Draw this plan next to the one in force; None draws only the one in force."""
        self._plan = plan
        self.query_one(Chart).show(self._chart_data)

    def _chart_data(self, width: int, height: int) -> ChartData:
        return self._draw(self._plan, width, height)
