"""The pages of charts behind the standard one: which is open, its filter and its grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.composed.catalog import divided, filtered, own_charts
from tui_trainer.ui.charts.composed.page_choice import GRIDS
from tui_trainer.ui.charts.composed.series_chart import SeriesChart
from tui_trainer.ui.charts.kinds.metric import metric_of


@dataclass(slots=True)
class ChartPages:
    """The pages of one screen.

    Attributes:
        own: the charts that the user composed; they come before those that a run gets by itself.
        page: the open page; 0 is the standard one.
        filter: the regular expression that titles or series must match; always a valid one.
        grid: columns and rows; zeros follow the size of the terminal.
        per_page: charts of a page, as the last layout found room for.
        typing: whether a filter is being typed; the page stays where nothing matches then.
    """

    own: tuple[SeriesChart, ...] = ()
    page: int = 0
    filter: str = ""
    grid: tuple[int, int] = GRIDS[0]
    per_page: int = 1
    typing: bool = False
    _known: tuple[object, ...] = ()
    _all: tuple[SeriesChart, ...] = ()
    _shown: tuple[SeriesChart, ...] = field(default=())
    _divided: tuple[object, int, Sequence[Sequence[SeriesChart]]] = ((), 0, ())

    def charts(self, state: RunState | None) -> tuple[SeriesChart, ...]:
        """Return the charts that match the filter. Names are listed again only when there are more of them."""
        if state is None:
            return ()
        key = (state.run, len(state.series), metric_of(state))
        if (*key, self.filter, self.own) != self._known:
            if key != self._known[:3]:
                self._all = own_charts(state.series, metric_of(state))
            self._shown = filtered((*self.own, *self._all), self.filter)
            self._known = (*key, self.filter, self.own)
        return self._shown

    def is_open(self, state: RunState | None) -> bool:
        """Return whether a further page is on the screen; a run that logs nothing else shows the standard page."""
        return self.page > 0 and bool(self.typing or self.charts(state))

    def page_of(self, chart: SeriesChart, state: RunState | None) -> int:
        """Return the page of a chart, the first one where none has it."""
        pages = self._pages(state)
        return next((number for number, page in enumerate(pages, 1) if chart in page), 1)

    def count(self, state: RunState | None) -> int:
        """Return the number of pages behind the standard one."""
        return len(self._pages(state))

    def on_page(self, state: RunState | None) -> Sequence[SeriesChart]:
        """Return the charts of the open page, the last page where there are fewer by now."""
        pages = self._pages(state)
        return pages[min(self.page, len(pages)) - 1] if pages and self.page > 0 else ()

    def _pages(self, state: RunState | None) -> Sequence[Sequence[SeriesChart]]:
        charts = self.charts(state)
        if self._divided[0] is not charts or self._divided[1] != self.per_page:
            self._divided = charts, self.per_page, divided(charts, self.per_page)
        return self._divided[2]
