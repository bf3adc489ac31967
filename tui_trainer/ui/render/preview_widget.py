"""The coming learning rate, drawn before it is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from textual.app import ComposeResult
from textual.widget import Widget

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.ui.charts.registry import ChartData, ChartKind
from tui_trainer.ui.render.chart_widget import Chart

Draw = Callable[[LrPlan | None, int, int], ChartData]
"""Draws the rate in force, and a plan beside it, for so many columns and rows."""


Wish = TypeVar("Wish")


def considered(plan: Callable[[Wish], LrPlan | None] | None, wish: Wish | None) -> LrPlan | None:
    """The plan that a wish would make; None where there is no wish, or none that numbers can follow."""
    if plan is None or wish is None:
        return None
    try:
        return plan(wish)
    except (ArithmeticError, ValueError):
        return None


class Preview(Widget):
    """The chart of the rate with a plan on it; it follows what is typed."""

    DEFAULT_CSS = """
    Preview { width: 1fr; }
    Preview Chart { width: 1fr; height: 1fr; }
    """

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw = draw
        self._plan: LrPlan | None = None

    def compose(self) -> ComposeResult:
        """The chart."""
        yield Chart(ChartKind.RATE.key, ChartKind.RATE)

    def show(self, plan: LrPlan | None) -> None:
        """Draw this plan beside the one in force, or that one alone."""
        self._plan = plan
        self.query_one(Chart).show(self._picture)

    def _picture(self, width: int, height: int) -> ChartData:
        return self._draw(self._plan, width, height)
