"""Actions that change how charts draw their values: logarithms, outliers, the kind of smoothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tui_trainer.ui.charts.axes import Ruler
from tui_trainer.ui.charts.composed.series_chart import SeriesChart
from tui_trainer.ui.charts.history.log_axis import is_share
from tui_trainer.ui.charts.kinds.metric import metric_of
from tui_trainer.ui.charts.registry import ChartKind, Pane, PicturePane, chart_data
from tui_trainer.ui.charts.seeds.groups import drawn_groups, known_groups
from tui_trainer.ui.charts.view import Limits, View
from tui_trainer.ui.dashboard.context import DashboardContext

_WIDTH, _HEIGHT = 80, 20
"""Cells of the chart that tells which axis is in force."""


class ChartActions:
    """Handlers of the keys that change how the values of charts are drawn.

    Args:
        context: the dashboard.
    """

    def __init__(self, context: DashboardContext) -> None:
        self._context = context
        self._state = context.view_state

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {
            "log_y": self.log_y,
            "log_x": self.log_x,
            "outliers": self.outliers,
            "median": self.median,
            "seed_band": self.seed_band,
            "limits": self.limits,
        }

    @property
    def _pane(self) -> Pane:
        """The maximized chart, else the loss."""
        maximized = self._state.maximized
        return maximized if maximized is not None else ChartKind.LOSS

    def log_y(self) -> None:
        """Switch the y axis of the maximized chart, or of the loss, between logarithmic and linear."""
        pane, state = self._pane, self._state
        name = pane.name if isinstance(pane, PicturePane) else str(pane)
        metric = metric_of(self._context.selected_run)
        if pane is ChartKind.METRIC and is_share(metric):
            self._context.flash(f"{metric} lies between 0 and 1: its axis stays linear")
            return
        now = chart_data(pane, state.drawn_states, state.selected_index, state.view, _WIDTH, _HEIGHT).y.log
        view = state.view.with_log(name, not now)
        if chart_data(pane, state.drawn_states, state.selected_index, view, _WIDTH, _HEIGHT).y.log is now:
            self._context.flash(f"{name}: the axis stays {'logarithmic' if now else 'linear'}")
            return
        self._show(view, f"{name}: {'linear' if now else 'logarithmic'} y axis")

    def limits(self) -> None:
        """Set the ends of the axes of the maximized chart, or of the loss, by hand."""
        from tui_trainer.ui.screens.dialogs.limits import SetLimits

        pane, state = self._pane, self._state
        if isinstance(pane, PicturePane):
            self._context.flash("the axes of a picture follow what it shows; make a chart the large one")
            return
        if state.on_chart_page and state.maximized is None:
            self._context.flash("make a chart the large one first: 1 to 9")
            return
        view = pane.view_of(state.view) if isinstance(pane, SeriesChart) else state.view
        data = chart_data(pane, state.drawn_states, state.selected_index, view, _WIDTH, _HEIGHT)
        ruler = Ruler.of(self._context.selected_run, view.axis)

        def kept(limits: Limits) -> None:
            text = "the axes end where the values do" if not limits else "the axes end where they were set"
            self._show(self._state.view.with_limits(str(pane), limits), f"{data.name}: {text}")

        dialog = SetLimits(data.name, view.limits.get(str(pane), Limits()), ruler, log=data.y.log)
        self._context.ask(dialog, kept)

    def log_x(self) -> None:
        """Switch the x axis of the charts between logarithmic and linear."""
        log = not self._state.view.log_x
        self._show(replace(self._state.view, log_x=log), f"x axis: {'logarithmic' if log else 'linear'}")

    def outliers(self) -> None:
        """Let rare outliers lie outside the charts, marked at the edge, or show everything."""
        clip = not self._state.view.clip
        text = "rare outliers are marked at the edge" if clip else "every value is inside the charts"
        self._show(replace(self._state.view, clip=clip), text)

    def median(self) -> None:
        """Smooth with the moving median or with the moving mean."""
        median = not self._state.view.median
        text = "smoothing: median, single spikes vanish" if median else "smoothing: mean"
        self._show(replace(self._state.view, median=median), text)

    def seed_band(self) -> None:
        """Draw runs that differ only in their seed as one band, or each of them."""
        states, view = self._state.states, self._state.view
        groups = known_groups(states)
        if not groups:
            self._context.flash("no two runs of this set differ only in their seed")
            return
        band = not drawn_groups(states, view.band)
        seeds = " and ".join(str(len(group)) for group in groups[:3]) + (" and more" if len(groups) > 3 else "")
        self._show(replace(view, band=band), f"mean of {seeds} seeds ± deviation" if band else "every run")

    def _show(self, view: View, text: str) -> None:
        self._state.view = view
        self._context.request_redraw()
        self._context.flash(text)
