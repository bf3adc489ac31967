"""The action that composes charts, edits, moves and removes them."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.state.series_names import axes_of
from tui_trainer.text import number
from tui_trainer.ui.charts.composed.own import Charts
from tui_trainer.ui.charts.composed.series_chart import SeriesChart
from tui_trainer.ui.dashboard.context import DashboardContext


class OwnChartActions:
    """Handlers of the charts that a user composes. The memory of the screen keeps them for the project.

    Args:
        context: the dashboard.
    """

    def __init__(self, context: DashboardContext) -> None:
        self._context = context
        self._pages = context.view_state.pages

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"own_charts": self.choose}

    def choose(self) -> None:
        """List the charts; without any, compose the first one."""
        from tui_trainer.ui.screens.dialogs.own_charts import OwnCharts

        if self._pages.own:
            self._context.ask(OwnCharts(self._pages.own, self._set), self.edit)
        else:
            self.edit(0)

    def edit(self, index: int) -> None:
        """Edit one of the charts, or compose another one."""
        from tui_trainer.ui.screens.dialogs.compose_chart import ComposeChart

        own, run = self._pages.own, self._context.selected_run
        chart = own[index] if index < len(own) else None
        newest = {name: number(series.last) for name, series in run.series.items()}
        taken = [other.title for other in own if other is not chart]

        def kept(changed: SeriesChart) -> None:
            self._set((*own[:index], changed, *own[index + 1 :]))
            self._show(changed)

        self._context.ask(ComposeChart(newest, chart, taken, axes_of(run.series)), kept)

    def _set(self, charts: Charts) -> None:
        """Draw other charts; one that fills the screen may be gone."""
        state = self._context.view_state
        if isinstance(state.maximized, SeriesChart) and state.maximized.own:
            state.maximized, state.alone = None, False
        self._pages.own = charts
        self._context.relayout()

    def _show(self, chart: SeriesChart) -> None:
        """Turn to the page of a chart."""
        state, pages = self._context.view_state, self._pages
        run = state.selected_run
        if chart not in pages.charts(run):
            pages.filter = ""
        state.maximized, state.alone = None, False
        pages.page = max(pages.page, 1)
        self._context.relayout()  # finds out how many charts have room on the page
        pages.page = pages.page_of(chart, run)
        self._context.relayout()
        self._context.flash(f"{chart.title}: kept for the runs of this folder")
