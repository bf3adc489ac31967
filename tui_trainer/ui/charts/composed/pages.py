"""The pages of charts behind the standard one: which is open, its filter and its grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.composed.catalog import filtered, own_charts, page_count
from tui_trainer.ui.charts.composed.series_chart import SeriesChart
from tui_trainer.ui.charts.kinds.metric import metric_of

GRIDS = ((0, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3))
"""Columns and rows of charts that a key chooses in turn; the first follows the size of the terminal."""


@dataclass(slots=True)
class ChartPages:
    """The pages of one screen.

    Attributes:
        page: the open page; 0 is the standard one.
        filter: the regular expression that titles or series must match; always a valid one.
        grid: columns and rows; zeros follow the size of the terminal.
        per_page: charts of a page, as the last layout found room for.
    """

    page: int = 0
    filter: str = ""
    grid: tuple[int, int] = GRIDS[0]
    per_page: int = 1
    _known: tuple[object, ...] = ()
    _all: tuple[SeriesChart, ...] = ()
    _shown: tuple[SeriesChart, ...] = field(default=())

    def charts(self, state: RunState | None) -> tuple[SeriesChart, ...]:
        """Return the charts that match the filter. Names are listed again only when there are more of them."""
        if state is None:
            return ()
        key = (state.run, len(state.series), metric_of(state))
        if (*key, self.filter) != self._known:
            if key != self._known[:3]:
                self._all = own_charts(state.series, metric_of(state))
            self._shown = filtered(self._all, self.filter)
            self._known = (*key, self.filter)
        return self._shown

    def count(self, state: RunState | None) -> int:
        """Return the number of pages behind the standard one."""
        return page_count(len(self.charts(state)), self.per_page)

    def on_page(self, state: RunState | None) -> Sequence[SeriesChart]:
        """Return the charts of the open page, the last page where there are fewer by now."""
        charts = self.charts(state)
        page = min(self.page, max(page_count(len(charts), self.per_page), 1))
        return charts[(page - 1) * self.per_page : page * self.per_page]
